"""Random directions: isotropic, of the length asked for, from a stream of their own."""

import math

import torch
from tests.measures.comparison import assert_exact
from tests.tolerances import STOCHASTIC

from landscope.measures.random_direction import random_direction

LIKE = {"weight": torch.zeros(3, 4).double(), "bias": torch.zeros(5).double()}


def flat(direction):
    return torch.cat([tensor.flatten() for tensor in direction.values()])


def test_it_has_the_shapes_of_the_point_and_the_length_asked_for():
    direction = random_direction(LIKE, length=2.5, seed=1)

    assert {n: t.shape for n, t in direction.items()} == {n: t.shape for n, t in LIKE.items()}
    assert_exact([math.sqrt(sum(x * x for x in flat(direction).tolist()))], [2.5])


def test_the_seed_alone_decides_and_the_stream_of_the_training_stands_still():
    before = torch.get_rng_state()
    first = flat(random_direction(LIKE, length=1.0, seed=1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)

    assert torch.equal(flat(random_direction(LIKE, length=1.0, seed=1)), first)
    assert not torch.equal(flat(random_direction(LIKE, length=1.0, seed=2)), first)


def test_every_entry_has_mean_zero_and_its_share_of_the_length():
    """On the unit sphere of n dimensions E[x] = 0, E[x^2] = 1/n, E[x^4] = 3/(n (n + 2))."""
    draws = torch.stack([flat(random_direction(LIKE, length=1.0, seed=s)) for s in range(2000)])
    n = draws.shape[1]
    z_test = STOCHASTIC(n=2000, sigmas=4)

    for entry in (0, 11, 12, 16):
        x = draws[:, entry].numpy()
        z_test.check(x, 0.0, 1 / n)
        z_test.check(x**2, 1 / n, 3 / (n * (n + 2)) - 1 / n**2)
    z_test.check((draws[:, 0] * draws[:, 13]).numpy(), 0.0, 1 / (n * (n + 2)))
