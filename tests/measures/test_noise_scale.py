"""`noise_scale` against copies of the network, and against truths about gradients that are known.

For its probe see tests/probes/test_noise_scale.py.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import BUILDERS, build, gaussian
from tests.measures.traces import trace
from tests.reference.noise_scale import noise_scale as reference
from tests.tolerances import EXACT64, STOCHASTIC
from torch import nn
from torch.nn import functional

from landscope.errors import UsageError
from landscope.measures.noise_scale import NoiseScale, noise_scale
from landscope.objective.halves import halves
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable

SEED = 12


@pytest.mark.parametrize("odd", [False, True], ids=["even", "odd"])
@pytest.mark.parametrize("name", BUILDERS)
def test_against_copies_of_the_network(name, odd):
    case = build(name)
    samples = len(case.inputs) - odd
    batch = (case.model, case.loss_fn, case.inputs[:samples], case.targets[:samples])
    expected = reference(*batch, samples=samples, seed=SEED)

    torch.manual_seed(SEED)
    np.random.seed(SEED)
    before = trace(case.model, case.inputs, case.targets)
    found = noise_scale(*batch)

    assert trace(case.model, case.inputs, case.targets) == before
    assert found.batch_size == samples
    # Differences of the same two squares: both held to the larger.
    EXACT64.check(
        [found.gradient_square, found.gradient_variance],
        [expected.gradient_square, expected.gradient_variance],
    )


def line(features):
    torch.manual_seed(1)
    return nn.Linear(features, 1, bias=False).double()


def half_square(outputs, targets):
    return (outputs[:, 0] - targets).square().mean() / 2


def gradients(model, inputs, targets):
    """One a sample, by the formula."""
    return (inputs @ model.weight[0] - targets).detach()[:, None] * inputs


@pytest.mark.parametrize("size", [2, 3])
def test_the_mean_over_all_batches_is_the_truth_exactly(size):
    """Of four samples every batch of that size is drawn, each as often as chance would have it."""
    model, inputs, targets = line(3), gaussian(4, 3), gaussian(4, seed=9)
    own = gradients(model, inputs, targets)
    square = own.mean(0).square().sum().item()
    variance = (own - own.mean(0)).square().sum(1).mean().item()

    drawn = [list(batch) for batch in itertools.product(range(4), repeat=size)]
    found = [noise_scale(model, half_square, inputs[b], targets[b]) for b in drawn]

    mean = NoiseScale.mean(found)
    assert_exact([mean.gradient_square, mean.gradient_variance], [square, variance])
    assert_exact([mean.noise_scale], [variance / square])
    assert_exact([mean.efficiency], [1 / (1 + variance / square / size)])
    assert mean.batch_size == size


def test_a_regression_whose_gradients_are_known_in_distribution():
    """Inputs and noise are normal, so the moments of a sample's gradient have a formula."""
    features, noise, draws, size = 4, 0.7, 300, 6
    model = line(features)
    stream = torch.Generator().manual_seed(21)
    truth = model.weight[0].detach() - torch.tensor([0.5, -0.2, 0.1, 0.3]).double()
    off = (model.weight[0].detach() - truth).square().sum().item()

    def estimate():
        inputs = torch.randn(size, features, generator=stream, dtype=torch.float64)
        error = noise * torch.randn(size, generator=stream, dtype=torch.float64)
        return noise_scale(model, half_square, inputs, inputs @ truth + error)

    found = [estimate() for _ in range(draws)]
    squares = np.array([each.gradient_square for each in found])
    variances = np.array([each.gradient_variance for each in found])

    test = STOCHASTIC(n=draws, sigmas=4)
    # E g = d and E ||g||^2 = (features + 2) ||d||^2 + noise^2 features, with d = w - w*.
    test.check(squares, off, float(squares.var()))
    expected = (features + 1) * off + noise**2 * features
    test.check(variances, expected, float(variances.var()))


def test_of_equal_halves_the_signal_is_the_inner_product_of_their_gradients():
    model, inputs, targets = line(3), gaussian(8, 3), gaussian(8, seed=9)
    own = gradients(model, inputs, targets)

    found = noise_scale(model, half_square, inputs, targets)

    assert_exact([found.gradient_square], [(own[:4].mean(0) @ own[4:].mean(0)).item()])


def test_samples_that_are_alike_have_no_noise():
    model = line(3)
    inputs, targets = gaussian(1, 3).expand(6, 3), torch.ones(6).double()

    found = noise_scale(model, half_square, inputs, targets)

    own = gradients(model, inputs, targets)[0]
    assert_exact([found.gradient_square], [own.square().sum().item()])
    assert abs(found.gradient_variance) <= EXACT64.rtol * found.gradient_square
    assert math.isnan(found.noise_scale) or found.efficiency >= 1 - EXACT64.rtol


def test_the_scale_of_the_loss_is_no_part_of_the_noise_scale():
    model, inputs, targets = line(3), gaussian(8, 3), gaussian(8, seed=9)
    found = noise_scale(model, half_square, inputs, targets)
    larger = noise_scale(model, lambda o, t: 8 * half_square(o, t), inputs, targets)

    assert_exact([larger.gradient_square], [64 * found.gradient_square])
    assert_exact([larger.gradient_variance], [64 * found.gradient_variance])
    assert_exact([larger.noise_scale], [found.noise_scale])


@pytest.mark.parametrize(
    ("square", "variance", "scale", "efficiency"),
    [
        (2.0, 6.0, 3.0, 0.5),
        (2.0, 0.0, 0.0, 1.0),
        (-1.0, 6.0, math.nan, math.nan),
        (0.0, 6.0, math.nan, math.nan),
        (2.0, -1e-9, math.nan, math.nan),
        (math.nan, 1.0, math.nan, math.nan),
    ],
)
def test_a_quotient_of_estimates_with_the_wrong_sign_is_none(square, variance, scale, efficiency):
    found = NoiseScale(3, square, variance)

    assert repr(found.noise_scale) == repr(scale)
    assert repr(found.efficiency) == repr(efficiency)


SUMS = {
    "of squares": lambda o, t: (o[:, 0] - t).square().sum(),
    "negative": lambda o, t: -(o[:, 0] - t).abs().sum(),
    "of likelihoods": lambda o, t: functional.gaussian_nll_loss(
        o[:, 0], t, torch.full_like(t, 1e-3), reduction="sum"
    ),
}


@pytest.mark.parametrize("samples", [8, 9])
@pytest.mark.parametrize("loss_fn", SUMS.values(), ids=SUMS)
def test_a_sum_over_samples_is_refused(loss_fn, samples):
    model, inputs, targets = line(3), gaussian(samples, 3), gaussian(samples, seed=9)

    with pytest.raises(UsageError, match=r"on half of it: the noise scale is that of a loss .* a"):
        noise_scale(model, loss_fn, inputs, targets)


def test_a_sum_under_batch_norm_is_refused():
    case = build("mlp with batch norm")

    def summed(outputs, targets):
        return functional.cross_entropy(outputs, targets, reduction="sum")

    with pytest.raises(UsageError, match="divide it by their number, as with reduction='mean'"):
        noise_scale(case.model, summed, case.inputs, case.targets)


@pytest.mark.parametrize("name", ["mlp with batch norm", "noisy"])
def test_a_mean_is_not_taken_for_a_sum_by_the_loss_of_its_halves(name):
    """Near 0 and under norms or dropout that may be any part of the whole's, as half of it."""
    case = build(name)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    objective = Objective.now(*batch)
    point = trainable(case.model)
    whole = objective.loss(point)
    halved = sum(size * half.loss(point) for size, half in halves(objective)) / len(case.inputs)
    offset = 2 * halved - whole

    found = noise_scale(case.model, lambda o, t: case.loss_fn(o, t) - offset, *batch[2:])

    EXACT64.check(float(halved - offset), float(whole - offset) / 2)
    assert found == noise_scale(*batch)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (gaussian(1, 3), "the batch has one sample: it is measured in halves"),
        (torch.full((4, 3), math.nan).double(), "the loss is nan at the model's parameters"),
    ],
)
def test_bad_input_is_refused(inputs, text):
    with pytest.raises(UsageError, match=text):
        noise_scale(line(3), half_square, inputs, torch.zeros(len(inputs)).double())


def test_a_half_that_the_network_does_not_take_is_refused():
    """Two samples under batch norm are halved into one each, of which there is no variance."""
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double()
    text = (
        r"half of the batch, with 1 sample, does not pass the network \(Expected more than 1 value"
        r".*\): it is measured in halves; give a batch whose halves"
    )
    with pytest.raises(UsageError, match=text):
        noise_scale(network, nn.functional.mse_loss, gaussian(2, 3), gaussian(2, 2))
