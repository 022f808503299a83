"""Findings about the data: its order and scale, and the batch size relative to the noise."""

import pytest

from .history import found, measured, the

EFFICIENCY = "noise_scale/efficiency"
LOSS, NORM = "gradient/loss", "gradient/gradient_norm"


def test_noise_that_dominates_appears_with_both_sizes() -> None:
    finding = the(
        "noise-dominates",
        measured(EFFICIENCY, [0.5, 0.04, 0.05, 0.03]),
        measured("noise_scale/noise_scale", [100, 3000, 2432, 4100]),
        measured("noise_scale/batch_size", [128] * 4),
    )
    assert finding.severity == "info"
    assert "at most 4% of the progress" in finding.sentence
    assert finding.sentence.endswith("the noise scale is 3,000 samples and the batch has 128.")
    assert finding.evidence.steps == (100, 200, 300)
    assert "1812.06162" in finding.reference


def test_a_batch_that_is_larger_than_useful_appears_with_the_price_of_half() -> None:
    finding = the("batch-larger-than-useful", measured(EFFICIENCY, [0.95, 0.96, 0.94]))
    assert finding.severity == "info"
    assert finding.sentence.endswith("(median of 3 measurements since step 0).")
    assert finding.remedy.startswith("Half the batch would need 5% more steps")
    assert finding.evidence.values == (0.95, 0.96, 0.94)


@pytest.mark.parametrize(
    ("losses", "norms"),
    [
        ([2.3, 2.3, 2.3, 2.4, 2.3], [1.0] * 5),  # what it was at first
        ([2.3, 65.0, 90.0, 40.0, 30.0], [1.0] * 5),  # above it
        ([2.3, 2.0, 2.0, 2.0, 2.0], [1.0, 0.05, 0.05, 0.05, 0.05]),  # high, without a gradient
    ],
)
def test_a_training_that_gets_nowhere_does_not_call_for_a_smaller_batch(losses, norms) -> None:
    series = measured(EFFICIENCY, [0.95] * 5), measured(LOSS, losses), measured(NORM, norms)
    assert found("batch-larger-than-useful", *series) is None


def test_a_training_that_learns_may_call_for_a_smaller_batch() -> None:
    losses, norms = measured(LOSS, [2.3, 2.0, 1.8, 1.5]), measured(NORM, [1.0, 0.5, 0.5, 0.5])
    finding = the("batch-larger-than-useful", measured(EFFICIENCY, [0.95] * 4), losses, norms)
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
def test_a_batch_of_a_fitting_size_does_not_appear(values) -> None:
    assert found("noise-dominates", measured(EFFICIENCY, values)) is None
    assert found("batch-larger-than-useful", measured(EFFICIENCY, values)) is None


def labels(classes):
    """Measurements of batches whose labels are of one class each."""
    return (
        measured("gradient/gradient_norm", [1.0] * len(classes)),
        measured("gradient/largest_class", [1.0] * len(classes)),
        measured("gradient/largest_class_number", classes),
    )


def test_classes_that_come_one_after_another_are_sorted_data() -> None:
    finding = the("sorted-data", *labels([0] * 4 + [1] * 4 + [2] * 4))
    assert "(12 measurements since step 0), and 3 classes take" in finding.sentence
    assert finding.evidence.quantity == "gradient/largest_class"
    assert finding.evidence.values == (1.0,) * 12


@pytest.mark.parametrize("classes", [[0] * 12, [0, 2, 1, 1, 0, 2, 2, 0, 1, 0, 2, 1], [0, 0, 1, 1]])
def test_one_class_classes_in_any_order_and_few_measurements_are_not_sorted(classes) -> None:
    assert found("sorted-data", *labels(classes)) is None


def test_batches_of_many_classes_afterwards_are_not_sorted() -> None:
    _, shares, classes = labels([0] * 4 + [1] * 4 + [2] * 4)
    more = measured("gradient/gradient_norm", [1.0] * 25)
    assert found("sorted-data", more, shares, classes) is None


@pytest.mark.parametrize(
    ("quantity", "values", "words"),
    [
        ("input_size", [31.0] * 3, "root mean square is 31, where about 1 is usual"),
        ("input_spread", [101.0] * 3, "the largest feature is 101 times as large as the median"),
        ("input_size", [30.0] * 3, None),
        ("input_spread", [100.0] * 3, None),
        ("input_size", [100.0] * 2, None),
    ],
)
def test_inputs_that_are_not_scaled_appear_with_their_size(quantity, values, words) -> None:
    finding = found("unscaled-inputs", measured(f"input_drift/{quantity}", values, "conv"))
    assert (finding is None) == (words is None)
    if finding is not None:
        assert finding.sentence.startswith("The inputs of conv are not scaled: ")
        assert words in finding.sentence
        assert finding.evidence.layers == ("conv",)
