"""Norms and distances in parameter space, against NumPy, whatever the sizes and types."""

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact

from landscope.measures.comparison import compared
from landscope.objective.parameters import displaced, distance, norm

# One entry, several tensors, one that is longer than a piece, and one that is empty.
SHAPES = [[(1,)], [(3, 4), (5,)], [(300, 1000), (7,)], [(0,), (2, 2)]]


def vectors(shapes, dtype):
    draws = torch.Generator().manual_seed(1)
    return tuple(
        {str(n): torch.randn(shape, dtype=dtype, generator=draws) for n, shape in enumerate(shapes)}
        for _ in range(2)
    )


def entries(vector):
    return np.concatenate([tensor.numpy().ravel() for tensor in vector.values()])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.complex128], ids=str)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_norm_and_distance_are_those_of_all_entries(shapes, dtype):
    first, second = vectors(shapes, dtype)
    a, b = (entries(vector).astype(np.complex128) for vector in (first, second))

    assert_exact([norm(first).item()], [np.linalg.norm(a)])
    assert_exact([distance(first, second).item()], [np.linalg.norm(a - b)])


def test_a_distance_is_over_the_names_of_the_second():
    first, second = vectors([(3,), (4,)], torch.float64)
    del second["0"]

    by_hand = np.linalg.norm((first["1"] - second["1"]).numpy())
    assert_exact([distance(first, second).item()], [by_hand])


def test_a_displaced_point_has_no_graph():
    point, direction = vectors([(3,)], torch.float64)
    direction["0"].requires_grad_()

    there = displaced(point, direction, 0.5)

    assert torch.equal(there["0"], point["0"] - 0.5 * direction["0"].detach())
    assert not there["0"].requires_grad


@pytest.mark.parametrize("entries", [3, 37, 1001, 20_001])
def test_equal_vectors_have_a_cosine_of_exactly_1_wherever_they_lie(entries):
    """The last bit of a sum may depend on how its numbers are aligned in memory."""
    draws = torch.Generator().manual_seed(entries)
    for offset in range(8):
        first = torch.randn(entries + offset, generator=draws)[offset:]

        assert compared({"w": first}, {"w": first.clone()}).cosine == 1.0
