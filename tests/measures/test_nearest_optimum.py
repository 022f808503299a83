"""Lemma 4.5 against least squares, and the optimum of a deep linear network."""

import itertools

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import gaussian
from tests.reference.nearest_optimum import nearest_optimum as reference
from tests.tolerances import EXACT64

from landscope.measures.nearest_optimum import aligned_factors, nearest_optimum


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (6, 2), (10, 10)])
@pytest.mark.parametrize("seed", range(6))
def test_both_sides_are_those_of_least_squares(shape, seed):
    start, optimum = gaussian(*shape, seed=seed), gaussian(*shape, seed=seed + 40)
    expected = reference(start.numpy(), optimum.numpy())

    found = nearest_optimum(start, optimum)

    # Distances may cancel to nothing: they are held to the size of the start.
    numbers = [found.left_by_scale, found.left_by_row, found.right, found.plain]
    plain = ((start - optimum) ** 2).sum().item()
    EXACT64.check(numbers, [expected.left, expected.left_by_row, expected.right, plain])
    assert_exact([found.inner], [expected.inner])


@pytest.mark.parametrize("seed", range(6))
def test_the_lemma_is_an_equality_on_the_ray_and_slack_for_rows(seed):
    start = gaussian(7, 7, seed=seed)
    optimum = start + 0.5 * gaussian(7, 7, seed=seed + 60)

    found = nearest_optimum(start, optimum)

    assert found.inner > 0
    assert_exact([found.left_by_scale], [found.right])
    assert found.left_by_row < found.left_by_scale < found.plain


def test_where_the_optimum_points_away_the_nearest_one_is_the_origin():
    start = gaussian(3, 4)

    found = nearest_optimum(start, -start)

    assert found.inner < 0
    square = (start**2).sum().item()
    assert_exact(
        [found.left_by_scale, found.left_by_row, found.plain], [square, square, 4 * square]
    )


def test_a_row_of_the_optimum_that_is_zero_leaves_the_row_of_the_start():
    start, optimum = gaussian(3, 4), gaussian(3, 4, seed=9)
    optimum[1] = 0
    expected = reference(start.numpy(), optimum.numpy())

    found = nearest_optimum(start, optimum)

    assert_exact([found.left_by_row], [expected.left_by_row])


def test_float32_matrices_are_measured_in_float64():
    start, optimum = gaussian(5, 5).float(), gaussian(5, 5, seed=9).float()
    expected = reference(start.double().numpy(), optimum.double().numpy())

    found = nearest_optimum(start, optimum)

    assert_exact([found.left_by_scale, found.right], [expected.left, expected.right])


@pytest.mark.parametrize("depth", [1, 2, 5, 25])
def test_the_factors_multiply_to_the_target(depth):
    target = gaussian(4, 4, seed=1)
    starts = [gaussian(4, 4, seed=10 + i) for i in range(depth)]

    factors = aligned_factors(target, starts)

    assert len(factors) == depth
    product = np.eye(4)
    for factor in factors:
        product = factor.numpy() @ product
    EXACT64.check(product, target.numpy())


def test_the_factors_are_balanced():
    """F_{i+1}' F_{i+1} = F_i F_i': what gradient flow from a balanced start conserves."""
    factors = aligned_factors(gaussian(4, 4, seed=1), [gaussian(4, 4, seed=i) for i in range(6)])

    for first, second in itertools.pairwise(factors):
        EXACT64.check((second.T @ second).numpy(), (first @ first.T).numpy())


def test_a_rotation_of_the_first_factor_brings_it_no_nearer_to_its_start():
    starts = [gaussian(4, 4, seed=i) for i in range(3)]
    first = aligned_factors(gaussian(4, 4, seed=7), starts)[0]
    best = (first * starts[0]).sum().item()

    for seed in range(50):
        rotation, _ = torch.linalg.qr(gaussian(4, 4, seed=seed + 500))
        assert ((rotation @ first) * starts[0]).sum().item() <= best
