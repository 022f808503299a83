"""Findings about the gradient: whether it is that of the loss, and the one that is used."""

import pytest

from .history import found, measured, the

AGREEMENT = "gradient/agreement"


def used(factors, cosine=1.0):
    """Measurements in which the optimiser used these multiples of the computed gradient."""
    return (
        measured("gradient/used_cosine", [cosine] * len(factors)),
        measured("gradient/used_scale", factors),
    )


def computed(factors, agreement=1.0, batches=1):
    """Measurements in which the computed gradient was these multiples of the measured one."""
    return (
        measured(AGREEMENT, [agreement] * len(factors)),
        measured("gradient/gradient_scale", factors),
        measured("gradient/batches", [float(batches)] * len(factors)),
    )


def test_another_loss_is_serious() -> None:
    finding = the("loss-not-trained", measured(AGREEMENT, [0.9, 0.8, 0.7]))
    assert finding.severity == "serious"
    assert (
        "is 0.8 (median of 3 measurements since step 0), where the same loss gives 1"
        in finding.sentence
    )
    assert finding.evidence.steps == (0, 100, 200)
    assert finding.evidence.values == (0.9, 0.8, 0.7)


@pytest.mark.parametrize(
    "values", [[0.99] * 5, [0.5] * 2, [1, 1, 0.2, 1, 1], [0.5, 0.5, 0.5, 1, 1, 1], []]
)
def test_the_same_loss_but_for_rounding_does_not_appear(values) -> None:
    assert found("loss-not-trained", measured(AGREEMENT, values)) is None


def test_clipping_appears_with_its_share_and_its_factor() -> None:
    finding = the("gradient-clipped", *used([0.25, 1.0, 0.5, 0.2, 0.3]))
    assert finding.severity == "info"
    assert "at 4 of 5 measurements (80%), to a median of 0.275 of its length" in finding.sentence
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


@pytest.mark.parametrize(("factor", "said"), [(0.25, "0.25 times"), (128.0, "128 times")])
def test_a_constant_factor_of_the_used_gradient_is_no_clipping(factor, said) -> None:
    finding = the("gradient-scaled", *used([factor] * 4))
    assert finding.severity == "warning"
    assert (
        f"At every measurement the gradient that the optimiser used is {said} the gradient of the "
        "loss" in finding.sentence
    )
    assert finding.evidence.quantity == "gradient/used_scale"
    assert finding.evidence.values == (factor,) * 4
    assert found("gradient-clipped", *used([factor] * 4)) is None


@pytest.mark.parametrize(
    ("factors", "said"), [([3.0] * 4, "is 3 times"), ([0.5, 0.2, 0.4], "is 0.2 to 0.5 times")]
)
def test_a_loss_that_is_a_multiple_appears_by_its_factor(factors, said) -> None:
    finding = the("gradient-scaled", *computed(factors))
    assert f"{said} the one given to Scope" in finding.sentence
    assert finding.evidence.quantity == "gradient/gradient_scale"


@pytest.mark.parametrize("factors", [[1.04] * 5, [2.0, 3.0, 2.5, 2.2], [2.0] * 2])
def test_rounding_and_a_factor_that_varies_are_no_scale(factors) -> None:
    assert found("gradient-scaled", *used(factors)) is None


@pytest.mark.parametrize(("factor", "scaled"), [(0.25, False), (1.0, False), (0.5, True)])
def test_a_loss_may_be_divided_by_the_number_of_batches_or_not(factor, scaled) -> None:
    finding = found("gradient-scaled", *computed([factor] * 4, batches=4))
    assert (finding is not None) == scaled


def test_another_gradient_than_that_of_the_loss_is_info() -> None:
    finding = the("gradient-changed", measured("gradient/used_cosine", [0.9, 0.8, 0.7]))
    assert finding.severity == "info"
    assert "the cosine between the two is 0.8 (median of 3" in finding.sentence
    assert "clipped by value" in finding.remedy


@pytest.mark.parametrize(
    ("quantity", "severity", "said"),
    [
        ("left_over", "warning", "left over from earlier steps"),
        ("backward_passes", "info", "Sharpness-aware minimisation"),
    ],
)
def test_why_the_gradient_is_another_appears_where_it_is_known(quantity, severity, said) -> None:
    finding = the(
        "gradient-changed",
        measured("gradient/used_cosine", [0.9] * 3),
        measured(f"gradient/{quantity}", [2.0 if quantity == "backward_passes" else 1.0] * 3),
    )
    assert finding.severity == severity
    assert said in finding.sentence


@pytest.mark.parametrize(
    ("scale", "batches", "agreement", "appears"),
    [
        (1.0, 4, 1.0, True),
        (1.049, 4, 1.0, True),
        (0.951, 4, 0.99, True),
        (1.051, 4, 1.0, False),
        (0.25, 4, 1.0, False),  # divided
        (1.0, 1, 1.0, False),
        (1.0, 4, 0.98, False),  # another loss
    ],
)
def test_batches_that_add_up_appear(scale, batches, agreement, appears) -> None:
    finding = found("accumulation-not-divided", *computed([scale] * 3, agreement, batches))
    assert (finding is not None) == appears
    if finding is not None:
        assert "an update takes 4 batches" in finding.sentence
        assert "divide each loss by 4 before" in finding.remedy
