"""Each threshold from both sides: at it nothing is told, a little beyond it something is."""

import math

import pytest

from .history import found, looks, the

LITTLE = 0.01

# Id, quantity, threshold, which side is told, and the layer where it is one of layers.
THRESHOLDS = [
    ("loss-not-trained", "gradient/agreement", 0.99, -1, None),
    ("gradient-changed", "gradient/used_cosine", 0.99, -1, None),
    ("beyond-the-edge", "step_size/sharpness_lr", 2.0, 1, None),
    ("updates-oscillate", "update/successive_cosine", -0.5, -1, None),
    ("update-too-large", "update/relative_update", 0.1, 1, None),
    ("vanishing-update", "update/relative_update", 1e-6, -1, None),
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
def test_a_threshold_is_where_it_is_said_to_be(id, key, threshold, side, layer) -> None:  # noqa: A002
    beyond = threshold + side * LITTLE * (abs(threshold) or 1.0)
    assert found(id, looks(key, [threshold] * 3, layer)) is None
    assert found(id, looks(key, [beyond] * 3, layer)) is not None


@pytest.mark.parametrize(("id", "key", "threshold", "side", "layer"), THRESHOLDS)
def test_three_looks_of_five_are_enough_and_two_or_half_are_not(
    id,  # noqa: A002
    key,
    threshold,
    side,
    layer,
) -> None:
    beyond, before = (threshold + sign * side * (abs(threshold) or 1.0) / 20 for sign in (1, -1))
    assert found(id, looks(key, [beyond, before, beyond, before, beyond], layer)) is not None
    assert found(id, looks(key, [beyond, before, beyond], layer)) is None
    assert found(id, looks(key, [beyond] * 5 + [before] * 5, layer)) is None
    assert found(id, looks(key, [before] * 9 + [beyond] * 6 + [before] * 4, layer)) is not None
    assert found(id, looks(key, [beyond] * 9 + [before] * 5 + [beyond] * 5, layer)) is None


def test_it_is_the_last_ten_looks_that_are_asked() -> None:
    values = [1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]  # 5 of the last 9, 5 of 10, 6 of 11
    assert found("update-too-large", looks("update/relative_update", values)) is None


def test_a_batch_of_all_the_data_is_as_efficient_as_can_be() -> None:
    assert found("batch-larger-than-useful", looks("noise_scale/efficiency", [1.0] * 3))


def room(multiple, sharpness, rate):
    return (
        looks("step_size/safe_multiple", [multiple] * 3),
        looks("step_size/sharpness_lr", [sharpness] * 3),
        looks("step_size/lr", [0.1, *[rate] * 3]),
        looks("update/successive_cosine", [0.0] * 3),
    )


def test_the_thresholds_of_room_for_a_step() -> None:
    assert found("step-could-be-larger", *room(8.0, 0.49, 0.1)) is not None
    assert found("step-could-be-larger", *room(7.9, 0.49, 0.1)) is None
    assert found("step-could-be-larger", *room(8.0, 0.5, 0.1)) is None


@pytest.mark.parametrize(("rate", "told"), [(0.05, True), (0.049, False)])
def test_looks_below_half_of_the_largest_rate_do_not_count(rate, told) -> None:
    series = (
        looks("step_size/safe_multiple", [1, 16, 16, 16]),
        looks("step_size/sharpness_lr", [0.1] * 4),
        looks("step_size/lr", [0.1, rate, rate, rate]),
        looks("update/successive_cosine", [0.0] * 4),
    )
    assert (found("step-could-be-larger", *series) is not None) == told


def used(factors, agreement=1.0):
    return (
        looks("gradient/used_cosine", [agreement] * len(factors)),
        looks("gradient/used_scale", factors),
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


@pytest.mark.parametrize(("share", "told"), [(0.0549, False), (0.0551, True)])
def test_a_budget_may_be_exceeded_by_a_tenth(share, told) -> None:
    budget = looks("scope/share", [share] * 3), looks("scope/asked_share", [0.05] * 3)
    assert (found("budget-exceeded", *budget) is not None) == told
