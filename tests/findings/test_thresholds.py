"""Each threshold from both sides: at it nothing appears, a little beyond it something does."""

import math

import pytest

from .history import found, larger_step, measured, the

LITTLE = 0.01

# Id, quantity, threshold, which side counts, and the layer where it is one of layers.
THRESHOLDS = [
    ("loss-not-trained", "gradient/agreement", 0.99, -1, None),
    ("gradient-changed", "gradient/used_cosine", 0.99, -1, None),
    ("beyond-the-edge", "step_size/sharpness_lr", 2.0, 1, None),
    ("updates-oscillate", "update/successive_cosine", -0.5, -1, None),
    ("update-too-large", "update/relative_update", 0.1, 1, None),
    ("vanishing-update", "update/relative_update", 1e-6, -1, None),
    ("lost-updates", "update/lost", 0.5, 1, None),
    ("vanishing-gradient", "gradient/gradient_share", 1e-5, -1, "layer"),
    ("dead-units", "input_drift/silent_inputs", 0.5, 1, "layer"),
    ("running-statistics-lag", "norm_health/mean_gap", 0.5, 1, "layer"),
    ("running-statistics-lag", "norm_health/variance_gap", math.log(2), 1, "layer"),
    ("evaluation-differs", "norm_health/evaluation_gap", 0.25, 1, None),
    ("batch-too-small-for-norm", "norm_health/half_batch_gap", 0.1, 1, None),
    ("dead-scales", "norm_health/dead_scales", 0.1, 1, "layer"),
    ("gradient-turns-round", "covariate_shift/shift_cosine", 0.0, -1, "layer"),
    ("noise-dominates", "noise_scale/efficiency", 0.1, -1, None),
    ("batch-larger-than-useful", "noise_scale/efficiency", 0.9, 1, None),
]


@pytest.mark.parametrize(("id", "key", "threshold", "side", "layer"), THRESHOLDS)
def test_a_threshold_is_where_it_is_documented(id, key, threshold, side, layer) -> None:  # noqa: A002
    beyond = threshold + side * LITTLE * (abs(threshold) or 1.0)
    assert found(id, measured(key, [threshold] * 3, layer)) is None
    assert found(id, measured(key, [beyond] * 3, layer)) is not None


@pytest.mark.parametrize(("id", "key", "threshold", "side", "layer"), THRESHOLDS)
def test_three_measurements_of_five_are_enough_and_two_or_half_are_not(
    id,  # noqa: A002
    key,
    threshold,
    side,
    layer,
) -> None:
    beyond, before = (threshold + sign * side * (abs(threshold) or 1.0) / 20 for sign in (1, -1))
    assert found(id, measured(key, [beyond, before, beyond, before, beyond], layer)) is not None
    assert found(id, measured(key, [beyond, before, beyond], layer)) is None
    assert found(id, measured(key, [beyond] * 5 + [before] * 5, layer)) is None
    assert found(id, measured(key, [before] * 9 + [beyond] * 6 + [before] * 4, layer)) is not None
    assert found(id, measured(key, [beyond] * 9 + [before] * 5 + [beyond] * 5, layer)) is None


def test_it_is_the_last_ten_measurements_that_count() -> None:
    values = [1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]  # 5 of the last 9, 5 of 10, 6 of 11
    assert found("update-too-large", measured("update/relative_update", values)) is None


def test_a_batch_of_all_the_data_is_as_efficient_as_can_be() -> None:
    assert found("batch-larger-than-useful", measured("noise_scale/efficiency", [1.0] * 3))


def test_the_thresholds_of_a_larger_step() -> None:
    assert found("step-could-be-larger", *larger_step([8.0] * 3, [0.49] * 3, [0.1] * 3)) is not None
    assert found("step-could-be-larger", *larger_step([7.9] * 3, [0.49] * 3, [0.1] * 3)) is None
    assert found("step-could-be-larger", *larger_step([8.0] * 3, [0.5] * 3, [0.1] * 3)) is None


@pytest.mark.parametrize(("rate", "appears"), [(0.05, True), (0.049, False)])
def test_measurements_below_half_of_the_largest_rate_do_not_count(rate, appears) -> None:
    series = larger_step([1, 16, 16, 16], [0.1] * 4, [0.1, rate, rate, rate])
    assert (found("step-could-be-larger", *series) is not None) == appears


def used(factors, agreement=1.0):
    return (
        measured("gradient/used_cosine", [agreement] * len(factors)),
        measured("gradient/used_scale", factors),
    )


def test_the_thresholds_of_a_gradient_that_is_used_shorter_or_longer() -> None:
    assert found("gradient-clipped", *used([0.94, 0.9, 0.8])) is not None
    assert found("gradient-clipped", *used([0.95, 0.95, 0.5, 0.4])) is None
    assert found("gradient-clipped", *used([0.94, 0.9, 0.8], agreement=0.99)) is not None
    assert found("gradient-scaled", *used([1.06] * 3)) is not None
    assert found("gradient-scaled", *used([0.94] * 3)) is not None
    assert found("gradient-scaled", *used([1.04] * 3)) is None
    # One factor to within a hundredth.
    assert found("gradient-scaled", *used([0.5, 0.5, 0.504])) is not None
    assert found("gradient-scaled", *used([0.5, 0.5, 0.506])) is None
    assert found("gradient-clipped", *used([0.5, 0.5, 0.506])) is not None
    assert the("gradient-clipped", *used([0.05, 0.101, 0.2])).severity == "info"
    assert the("gradient-clipped", *used([0.05, 0.099, 0.2])).severity == "warning"


@pytest.mark.parametrize(("share", "appears"), [(0.0549, False), (0.0551, True)])
def test_a_budget_may_be_exceeded_by_a_tenth(share, appears) -> None:
    budget = measured("scope/share", [share] * 3), measured("scope/asked_share", [0.05] * 3)
    assert (found("budget-exceeded", *budget) is not None) == appears
