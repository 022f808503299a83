"""Algorithm 1: the noise that is drawn has its distribution, by z-tests of n fixed beforehand.

The moments are those of the paper's distributions, written out here: a uniform variable on an
interval of width w has variance w^2 / 12 and fourth central moment w^4 / 80; a normal one of
standard deviation r has r^2 and 3 r^4.
"""

import pytest
import torch
from tests.tolerances import EXACT64, STOCHASTIC

from landscope.norms.batch import BatchNorm2d
from landscope.norms.noise import Noise, NoiseDraw
from landscope.norms.table import build

UNITS = STOCHASTIC(n=20_000, sigmas=4)
EXAMPLES = STOCHASTIC(n=200_000, sigmas=4)


def check_moments(test, deviations: torch.Tensor, variance: float, fourth: float) -> None:
    """Deviations from the expectation have mean 0 and this variance."""
    test.check(deviations, mean=0, variance=variance)
    test.check(deviations.square(), mean=variance, variance=fourth - variance**2)


@pytest.fixture
def units() -> NoiseDraw:
    """One draw for each of ``UNITS.n`` units, with a single example."""
    return Noise().draw(torch.zeros(1, UNITS.n, dtype=torch.float64))


@pytest.fixture
def examples() -> NoiseDraw:
    """One draw for 4 channels of 5 images of 100 x 100: ``EXAMPLES.n`` examples in all."""
    return Noise().draw(torch.zeros(5, 4, 100, 100, dtype=torch.float64))


def test_mean_shift_of_a_unit(units) -> None:
    assert units.unit_shift.abs().max() <= 0.5
    check_moments(UNITS, units.unit_shift, variance=1 / 12, fourth=1 / 80)


def test_mean_scale_of_a_unit(units) -> None:
    assert units.unit_scale.min() >= 1
    assert units.unit_scale.max() <= 1.25
    width = 0.25
    check_moments(UNITS, units.unit_scale - 1.125, variance=width**2 / 12, fourth=width**4 / 80)


def test_shift_and_scale_of_a_unit_are_independent(units) -> None:
    products = units.unit_shift * (units.unit_scale - 1.125)
    UNITS.check(products, mean=0, variance=1 / 12 * 0.25**2 / 12)


def test_shift_of_an_example_about_its_units(examples) -> None:
    about = examples.shift - examples.unit_shift
    assert about.abs().max() <= 0.1 + 1e-15
    check_moments(EXAMPLES, about, variance=0.2**2 / 12, fourth=0.2**4 / 80)


def test_scale_of_an_example_about_its_units(examples) -> None:
    about = examples.scale - examples.unit_scale
    check_moments(EXAMPLES, about, variance=0.1**2, fourth=3 * 0.1**4)


def test_shift_and_scale_of_an_example_are_independent(examples) -> None:
    products = (examples.shift - examples.unit_shift) * (examples.scale - examples.unit_scale)
    EXAMPLES.check(products, mean=0, variance=0.2**2 / 12 * 0.1**2)


def test_neighbouring_examples_are_independent(examples) -> None:
    about = (examples.scale - examples.unit_scale).view(5, 4, 5000, 2)
    half = STOCHASTIC(n=EXAMPLES.n // 2, sigmas=EXAMPLES.sigmas)
    half.check(about[..., 0] * about[..., 1], mean=0, variance=0.1**4)


def test_every_unit_and_every_example_has_noise_of_its_own(examples) -> None:
    assert examples.unit_shift.shape == examples.unit_scale.shape == (1, 4, 1, 1)
    for drawn, values in (
        (examples.unit_shift, 4),
        (examples.unit_scale, 4),
        (examples.shift, EXAMPLES.n),
        (examples.scale, EXAMPLES.n),
    ):
        assert drawn.unique().numel() == values


def test_the_noise_is_fresh_at_every_step() -> None:
    steps = STOCHASTIC(n=2_000, sigmas=4)
    noise = Noise(r_mu=0.0)
    silence = torch.zeros(1, 1, dtype=torch.float64)
    shifts = torch.stack([noise(silence) for _ in range(steps.n)])
    assert shifts.unique().numel() == steps.n
    check_moments(steps, shifts, variance=1 / 12, fourth=1 / 80)
    pairs = STOCHASTIC(n=steps.n // 2, sigmas=4)
    pairs.check(shifts[::2] * shifts[1::2], mean=0, variance=1 / 144)


def test_the_noise_scales_then_shifts() -> None:
    inputs = torch.randn(6, 3, 2, 2, dtype=torch.float64)
    state = torch.get_rng_state()
    drawn = Noise().draw(inputs)
    torch.set_rng_state(state)
    outputs = Noise()(inputs)
    EXACT64.check(outputs, drawn.scale * inputs + drawn.shift)


def test_noisy_batch_norm_is_batch_norm_then_noise() -> None:
    inputs = torch.randn(6, 3, 2, 2, dtype=torch.float64)
    noisy, batch = build("noisy-batch", 3, 2).double(), build("batch", 3, 2).double()
    assert isinstance(noisy.norm, BatchNorm2d)
    state = torch.get_rng_state()
    drawn = Noise().draw(inputs)
    torch.set_rng_state(state)
    EXACT64.check(noisy(inputs).detach(), (drawn.scale * batch(inputs) + drawn.shift).detach())
    assert torch.equal(noisy.eval()(inputs), batch.eval()(inputs))


def test_constants_are_those_given() -> None:
    given = {"n_mu": 0.0, "n_sigma": 1.0, "r_mu": 0.0, "r_sigma": 0.0}
    inputs = torch.randn(4, 3, dtype=torch.float64)
    assert torch.equal(build("noise", 3, 0, **given)(inputs), inputs)
    for constant, value in (("n_mu", 2.0), ("n_sigma", 3.0), ("r_mu", 2.0), ("r_sigma", 2.0)):
        only = build("noise", 3, 0, **{**given, constant: value})
        assert repr(value) in repr(only)
        assert (only(inputs) != inputs).all()


def test_the_noise_lets_gradients_through_scaled() -> None:
    inputs = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    state = torch.get_rng_state()
    drawn = Noise().draw(inputs)
    torch.set_rng_state(state)
    Noise()(inputs).sum().backward()
    EXACT64.check(inputs.grad, drawn.scale)


@pytest.mark.parametrize(
    ("constant", "value", "least"),
    [("n_mu", -0.1, 0), ("n_sigma", 0.9, 1), ("r_mu", float("nan"), 0), ("r_sigma", -1.0, 0)],
)
@pytest.mark.parametrize("name", ["noise", "noisy-batch"])
def test_a_constant_out_of_range_is_refused(name, constant, value, least) -> None:
    with pytest.raises(ValueError, match=rf"{constant} = .*finite and at least {least}"):
        build(name, 3, 0, **{constant: value})
