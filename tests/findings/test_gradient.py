"""Findings about the gradient: whether it is the one that is used, its noise, its turning."""

import pytest

from .history import found, looks, the

AGREEMENT = "gradient/agreement"
TURNING, EFFICIENCY = "covariate_shift/shift_cosine", "noise_scale/efficiency"


def used(factors, cosine=1.0):
    """Measurements in which the optimiser used these multiples of the computed gradient."""
    return (
        looks("gradient/used_cosine", [cosine] * len(factors)),
        looks("gradient/used_scale", factors),
    )


def computed(factors, agreement=1.0, batches=1):
    """Measurements in which the computed gradient was these multiples of the measured one."""
    return (
        looks(AGREEMENT, [agreement] * len(factors)),
        looks("gradient/gradient_scale", factors),
        looks("gradient/batches", [float(batches)] * len(factors)),
    )


def test_another_loss_is_serious() -> None:
    finding = the("loss-not-trained", looks(AGREEMENT, [0.9, 0.8, 0.7]))
    assert finding.severity == "serious"
    assert (
        "is 0.8 (median of 3 measurements since step 0), where one loss gives 1" in finding.sentence
    )
    assert finding.evidence.steps == (0, 100, 200)
    assert finding.evidence.values == (0.9, 0.8, 0.7)


@pytest.mark.parametrize(
    "values", [[0.99] * 5, [0.5] * 2, [1, 1, 0.2, 1, 1], [0.5, 0.5, 0.5, 1, 1, 1], []]
)
def test_the_same_loss_but_for_rounding_is_not_told(values) -> None:
    assert found("loss-not-trained", looks(AGREEMENT, values)) is None


def test_clipping_is_told_with_its_share_and_its_factor() -> None:
    finding = the("gradient-clipped", *used([0.25, 1.0, 0.5, 0.2, 0.3]))
    assert finding.severity == "info"
    assert "at 4 of 5 measurements (80%), to 0.275 of its length" in finding.sentence
    assert finding.evidence.quantity == "gradient/used_scale"
    assert finding.evidence.steps == (0, 200, 300, 400)
    assert finding.evidence.values == pytest.approx((0.25, 0.5, 0.2, 0.3))
    assert "Pascanu" in finding.reference


def test_clipping_that_leaves_next_to_nothing_is_a_warning() -> None:
    assert the("gradient-clipped", *used([0.09, 0.08, 0.05])).severity == "warning"


@pytest.mark.parametrize(
    "factors", [[0.96, 0.97, 0.99], [0.2, 0.3], [1.0, 0.3, 1.0, 1.0, 1.0], [1.0] * 5]
)
def test_a_gradient_that_is_used_as_it_is_is_not_clipped(factors) -> None:
    assert found("gradient-clipped", *used(factors)) is None
    assert found("gradient-scaled", *used(factors)) is None


def test_another_direction_is_neither_clipped_nor_scaled() -> None:
    for factors in ([0.2, 0.3, 0.4], [0.25] * 5):
        assert found("gradient-clipped", *used(factors, cosine=0.98)) is None
        assert found("gradient-scaled", *used(factors, cosine=0.98)) is None
        assert found("gradient-scaled", *computed(factors, agreement=0.98)) is None


@pytest.mark.parametrize(("factor", "told"), [(0.25, "0.25 times"), (128.0, "128 times")])
def test_a_constant_factor_of_the_used_gradient_is_no_clipping(factor, told) -> None:
    finding = the("gradient-scaled", *used([factor] * 4))
    assert finding.severity == "warning"
    assert f"is {told} the one that the loss has at every measurement" in finding.sentence
    assert finding.evidence.quantity == "gradient/used_scale"
    assert finding.evidence.values == (factor,) * 4
    assert found("gradient-clipped", *used([factor] * 4)) is None


@pytest.mark.parametrize(
    ("factors", "told"), [([3.0] * 4, "is 3 times"), ([0.5, 0.2, 0.4], "is 0.2 to 0.5 times")]
)
def test_a_loss_that_is_a_multiple_is_told_by_its_factor(factors, told) -> None:
    finding = the("gradient-scaled", *computed(factors))
    assert f"{told} the one that was given" in finding.sentence
    assert finding.evidence.quantity == "gradient/gradient_scale"


@pytest.mark.parametrize("factors", [[1.04] * 5, [2.0, 3.0, 2.5, 2.2], [2.0] * 2])
def test_rounding_and_a_factor_that_varies_are_no_scale(factors) -> None:
    assert found("gradient-scaled", *used(factors)) is None


@pytest.mark.parametrize(("factor", "scaled"), [(0.25, False), (1.0, False), (0.5, True)])
def test_a_loss_may_be_divided_by_the_number_of_batches_or_not(factor, scaled) -> None:
    finding = found("gradient-scaled", *computed([factor] * 4, batches=4))
    assert (finding is not None) == scaled


def test_another_gradient_than_that_of_the_loss_is_info() -> None:
    finding = the("gradient-changed", looks("gradient/used_cosine", [0.9, 0.8, 0.7]))
    assert finding.severity == "info"
    assert "the cosine between the two is 0.8 (median of 3" in finding.sentence
    assert "value by value" in finding.remedy


@pytest.mark.parametrize(
    ("quantity", "severity", "said"),
    [
        ("left_over", "warning", "left over from earlier steps"),
        ("backward_passes", "info", "Sharpness-aware minimisation"),
    ],
)
def test_why_the_gradient_is_another_is_told_where_it_is_known(quantity, severity, said) -> None:
    finding = the(
        "gradient-changed",
        looks("gradient/used_cosine", [0.9] * 3),
        looks(f"gradient/{quantity}", [2.0 if quantity == "backward_passes" else 1.0] * 3),
    )
    assert finding.severity == severity
    assert said in finding.sentence


def test_layers_that_turn_round_are_named_the_worst_first() -> None:
    finding = the(
        "gradient-turns-round",
        looks(TURNING, [1.0, 1.0, 1.0], "first"),
        looks(TURNING, [0.1, -0.1, -0.3, -0.2], "second"),
        looks(TURNING, [-0.5, -0.4, -0.6], "third"),
    )
    assert finding.severity == "info"
    assert "in third (-0.5) and second (-0.2): " in finding.sentence
    assert finding.evidence.layers == ("third", "second")
    assert finding.evidence.steps == (0, 100)
    assert finding.evidence.values == (-0.5, -0.2)
    assert "Definition 2.1" in finding.reference


@pytest.mark.parametrize("values", [[0.0] * 5, [-0.9] * 2, [0.5, -0.9, 0.5, 0.5], [0.3] * 9])
def test_a_layer_that_holds_its_course_is_not_named(values) -> None:
    assert found("gradient-turns-round", looks(TURNING, values, "layer")) is None


def test_looks_of_different_layers_are_not_added_up() -> None:
    series = [looks(TURNING, [-0.5], f"layer{at}") for at in range(5)]
    assert found("gradient-turns-round", *series) is None


def test_noise_that_dominates_is_told_with_both_sizes() -> None:
    finding = the(
        "noise-dominates",
        looks(EFFICIENCY, [0.5, 0.04, 0.05, 0.03]),
        looks("noise_scale/noise_scale", [100, 3000, 2432, 4100]),
        looks("noise_scale/batch_size", [128] * 4),
    )
    assert finding.severity == "info"
    assert "at most 4% of the progress" in finding.sentence
    assert finding.sentence.endswith("the noise scale is 3,000 samples and the batch has 128.")
    assert finding.evidence.steps == (100, 200, 300)
    assert "1812.06162" in finding.reference


def test_a_batch_that_is_larger_than_useful_is_told_with_the_price_of_half() -> None:
    finding = the("batch-larger-than-useful", looks(EFFICIENCY, [0.95, 0.96, 0.94]))
    assert finding.severity == "info"
    assert finding.sentence.endswith("(median of 3 measurements since step 0).")
    assert finding.remedy.startswith("Half the batch would need 5% more steps")
    assert finding.evidence.values == (0.95, 0.96, 0.94)


LOSS, NORM = "gradient/loss", "gradient/gradient_norm"


@pytest.mark.parametrize(
    ("losses", "norms"),
    [
        ([2.3, 2.3, 2.3, 2.4, 2.3], [1.0] * 5),  # what it was at first
        ([2.3, 65.0, 90.0, 40.0, 30.0], [1.0] * 5),  # above it
        ([2.3, 2.0, 2.0, 2.0, 2.0], [1.0, 0.05, 0.05, 0.05, 0.05]),  # high, without a gradient
    ],
)
def test_a_training_that_gets_nowhere_is_not_told_of_a_smaller_batch(losses, norms) -> None:
    clean = looks(EFFICIENCY, [0.95] * 5)
    assert found("batch-larger-than-useful", clean, looks(LOSS, losses), looks(NORM, norms)) is None


def test_a_training_that_learns_is_told_of_a_smaller_batch() -> None:
    losses, norms = looks(LOSS, [2.3, 2.0, 1.8, 1.5]), looks(NORM, [1.0, 0.5, 0.5, 0.5])
    finding = the("batch-larger-than-useful", looks(EFFICIENCY, [0.95] * 4), losses, norms)
    assert finding.evidence.steps == (100, 200, 300)


@pytest.mark.parametrize("efficiency", [0.91, 0.95, 0.999])
def test_the_price_of_half_a_batch_is_that_of_the_formula(efficiency) -> None:
    scale_over_batch = 1 / efficiency - 1
    halved = 1 / (1 + 2 * scale_over_batch)
    assert efficiency / halved - 1 == pytest.approx(1 - efficiency)


@pytest.mark.parametrize(
    "values",
    [
        [0.1] * 5,
        [0.9] * 5,
        [0.5] * 5,
        [0.01, 0.99],
        [0.5, 0.01, 0.5, 0.99, 0.5],
        [-0.2] * 5,  # estimates that are none
        [1.3] * 5,
        [0.0] * 5,
    ],
)
def test_a_batch_of_a_fitting_size_is_not_told(values) -> None:
    assert found("noise-dominates", looks(EFFICIENCY, values)) is None
    assert found("batch-larger-than-useful", looks(EFFICIENCY, values)) is None
