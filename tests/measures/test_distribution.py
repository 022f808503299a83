"""Moments, changes, Wasserstein-1 and histograms against numpy, scipy and counting by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.measures.comparison import assert_exact
from tests.measures.networks import gaussian
from tests.reference import distribution as reference
from tests.tolerances import EXACT64

from landscope.measures.distribution import by_feature, change, histogram, moments, wasserstein

SAMPLES = arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.floats(-1e3, 1e3, width=32),
)


@given(SAMPLES)
def test_mean_and_variance(samples):
    means, variances = reference.moments(samples)

    found = moments(torch.from_numpy(samples))

    scale = np.abs(samples).max()
    assert np.abs(found[0].numpy() - means).max() <= EXACT64.rtol * scale
    assert np.abs(found[1].numpy() - variances).max() <= EXACT64.rtol * scale**2


def test_the_moments_of_float32_samples_are_computed_in_float64():
    samples = gaussian(200, 3).float() + 1000

    found = moments(samples)

    for moment, expected in zip(found, reference.moments(samples.numpy()), strict=True):
        assert moment.dtype == torch.float64
        assert_exact(moment.tolist(), expected)


@pytest.mark.parametrize("seed", range(4))
def test_the_change_of_a_moment(seed):
    before, after = gaussian(7, seed=seed), gaussian(7, seed=seed + 50)

    expected = reference.rms_change(before.tolist(), after.tolist())

    assert_exact([change(before, after).item()], [expected])


@given(st.data())
def test_wasserstein_is_scipys(data):
    before = data.draw(SAMPLES)
    after = data.draw(arrays(np.float64, before.shape, elements=st.floats(-1e3, 1e3, width=32)))

    found = wasserstein(torch.from_numpy(before), torch.from_numpy(after))

    scale = max(np.abs(before).max(), np.abs(after).max())
    expected = reference.wasserstein(before, after)
    assert np.abs(found.numpy() - expected).max() <= EXACT64.rtol * scale


@pytest.mark.parametrize("shift", [-3.0, 0.25, 1e4])
def test_wasserstein_of_a_translation_is_its_length(shift):
    before = gaussian(50, 3)

    assert_exact(wasserstein(before, before + shift).tolist(), [abs(shift)] * 3)


def test_wasserstein_does_not_see_the_order_of_the_samples():
    before = gaussian(50, 3)

    assert wasserstein(before, before.flip(0)).tolist() == [0.0] * 3


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 5), (6, 3, 5, 2)])
def test_the_samples_of_a_feature_are_those_of_batch_and_space(shape):
    activations = gaussian(*shape)

    samples = by_feature(activations)

    assert samples.shape == (activations.numel() // 3, 3)
    for j in range(3):
        assert sorted(samples[:, j].tolist()) == sorted(activations[:, j].flatten().tolist())


def test_the_samples_are_cut_from_the_graph():
    activations = gaussian(6, 3).requires_grad_()

    assert not by_feature(activations).requires_grad


@pytest.mark.parametrize("bins", [1, 4, 30])
def test_a_histogram_counts(bins):
    samples = gaussian(200)

    densities, edges = histogram(samples, bins)

    assert len(edges) == bins + 1
    assert (edges[0], edges[-1]) == (samples.min().item(), samples.max().item())
    assert_exact(densities, reference.density(samples.tolist(), edges))
    assert_exact([np.dot(densities, np.diff(edges))], [1])


def test_a_histogram_leaves_out_what_is_not_finite():
    finite = [1.0, 2.0, 2.5, 4.0]

    found = histogram(torch.tensor([*finite, math.inf, -math.inf, math.nan]), 3)

    assert found == histogram(torch.tensor(finite), 3)


@pytest.mark.parametrize("samples", [[], [math.nan, math.inf]])
def test_a_histogram_of_nothing_finite_is_not_a_number(samples):
    densities, edges = histogram(torch.tensor(samples), 2)

    assert len(densities) == 2
    assert len(edges) == 3
    assert all(map(math.isnan, [*densities, *edges]))


def test_the_histogram_of_a_constant_has_width_one():
    densities, edges = histogram(torch.full((9,), 3.0), 5)

    assert (edges[0], edges[-1]) == (2.5, 3.5)
    assert_exact(densities, [0, 0, 5, 0, 0])


@pytest.mark.parametrize(
    "samples",
    [
        torch.full((5,), 1e20),
        torch.tensor([1.0, 1.0 + 2**-52], dtype=torch.float64),
    ],
    ids=["a large constant", "two neighbours"],
)
def test_a_histogram_of_extreme_numbers_is_still_a_density(samples):
    """A diverging network gives such numbers; NaN would say that there were none."""
    densities, edges = histogram(samples, 4)

    assert np.all(np.isfinite(edges))
    assert np.all(np.diff(edges) > 0)
    assert np.all(np.isfinite(densities))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_distance_is_that_of_the_samples_in_the_order_that_torch_gives(dtype):
    """Numpy sorts those of a CPU; it has no bfloat16, and must put what is no number last too."""
    seeded = torch.Generator().manual_seed(0)
    before, after = torch.randn(2, 64, 5, generator=seeded).to(dtype)
    before[3, 0], after[7, 0], before[2, 1] = torch.nan, torch.nan, torch.inf
    expected = before.sort(0).values - after.sort(0).values

    for order in (lambda x: x, lambda x: x.T.contiguous().T):
        found = wasserstein(order(before), order(after))
        assert torch.equal(found.isfinite(), torch.tensor([False, False, True, True, True]))
        assert torch.equal(found[2:], expected[:, 2:].abs().double().mean(0))


def test_the_samples_are_left_in_their_order():
    samples = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
    kept = samples.clone()

    wasserstein(samples, samples + 1)

    assert torch.equal(samples, kept)
