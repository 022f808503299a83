"""Findings about norms: running statistics, evaluation, halved batches, dead scales."""

import math
from dataclasses import replace

import pytest

from .history import found, measured, the

MEAN, VARIANCE = "norm_health/mean_gap", "norm_health/variance_gap"
EVALUATION, HALVES = "norm_health/evaluation_gap", "norm_health/half_batch_gap"
DEAD, BATCH = "norm_health/dead_scales", "noise_scale/batch_size"


def test_statistics_that_lag_appear_with_their_layers() -> None:
    finding = the(
        "running-statistics-lag",
        measured(MEAN, [0.1, 0.7, 0.9, 0.8], "one"),
        measured(MEAN, [0.1] * 4, "two"),
        measured(VARIANCE, [math.log(3)] * 4, "two"),
    )
    assert finding.severity == "warning"
    assert finding.sentence == (
        "Running statistics have not followed the batches since step 0: the mean is off, in batch "
        "standard deviations, in one (0.8); the variance is off, as a factor, in two (3), so the "
        "network is a different function in evaluation mode."
    )
    assert finding.evidence.quantity == MEAN
    assert finding.evidence.layers == ("one",)
    assert finding.evidence.steps == (100,)
    assert finding.evidence.values == (0.8,)
    assert "larger momentum of the norm" in finding.remedy
    assert "update_bn" in finding.remedy


def test_a_variance_alone_is_evidence() -> None:
    finding = the("running-statistics-lag", measured(VARIANCE, [0.8] * 4, "two"))
    assert (finding.evidence.quantity, finding.evidence.layers) == (VARIANCE, ("two",))


def test_more_than_three_layers_are_counted() -> None:
    series = [measured(MEAN, [0.6 + at / 10] * 3, f"bn{at}") for at in range(5)]
    finding = the("running-statistics-lag", *series)
    assert "in bn4 (1), bn3 (0.9), bn2 (0.8) and 2 layers more" in finding.sentence
    assert finding.evidence.layers == ("bn4", "bn3", "bn2", "bn1", "bn0")
    four = the("running-statistics-lag", *series[:4])
    assert "in bn3 (0.9), bn2 (0.8), bn1 (0.7) and 1 layer more" in four.sentence


def test_what_it_does_to_the_loss_decides_how_severe_it_is() -> None:
    lag = measured(MEAN, [0.8] * 4, "one")
    harmful = the("running-statistics-lag", lag, measured(EVALUATION, [0.5] * 4))
    assert harmful.severity == "warning"
    assert "the loss in evaluation mode is 50% higher" in harmful.sentence
    harmless = the("running-statistics-lag", lag, measured(EVALUATION, [0.02] * 4))
    assert harmless.severity == "info"
    assert "is only 2% above that in training" in harmless.sentence
    mixed = the("running-statistics-lag", lag, measured(EVALUATION, [0.02, 0.02, 5.0, 5.0]))
    assert "is only 2% above that in training" in mixed.sentence
    better = the("running-statistics-lag", lag, measured(EVALUATION, [-0.6] * 4))
    assert "is no higher than that in training" in better.sentence
    assert found("evaluation-differs", lag, measured(EVALUATION, [0.5] * 4)) is None


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (MEAN, [0.5] * 5),
        (MEAN, [0.9] * 2),
        (MEAN, [5, 5, 5, 0.1, 0.1, 0.1, 0.1]),  # they began far off, as they do
        (VARIANCE, [math.log(2)] * 5),
        (VARIANCE, [0.1, 3.0, 0.1, 0.1]),
    ],
)
def test_statistics_that_follow_do_not_appear(key, values) -> None:
    assert found("running-statistics-lag", measured(key, values, "layer")) is None


def test_what_a_small_batch_strays_by_itself_is_no_lag() -> None:
    small = measured(BATCH, [4] * 5)  # 2 / sqrt(4) = 1 and 2 sqrt(2 / 3) = 1.63
    assert found("running-statistics-lag", measured(MEAN, [0.99] * 5, "layer"), small) is None
    assert found("running-statistics-lag", measured(MEAN, [1.01] * 5, "layer"), small)
    assert found("running-statistics-lag", measured(VARIANCE, [1.6] * 5, "layer"), small) is None
    assert found("running-statistics-lag", measured(VARIANCE, [1.7] * 5, "layer"), small)
    large = measured(BATCH, [256] * 5)
    assert found("running-statistics-lag", measured(MEAN, [0.51] * 5, "layer"), large)
    single = measured(BATCH, [1] * 5)
    assert found("running-statistics-lag", measured(VARIANCE, [2.0] * 5, "layer"), single) is None


def test_a_difference_in_evaluation_appears_with_both_losses() -> None:
    finding = the(
        "evaluation-differs",
        measured(EVALUATION, [0.1, 0.4, 0.5, 0.3]),
        measured("norm_health/evaluation_loss", [1.1, 1.4, 1.5, 1.3]),
        measured("norm_health/training_loss", [1.0] * 4),
        measured(MEAN, [0.1] * 4, "layer"),
    )
    assert finding.severity == "warning"
    assert finding.sentence == (
        "Evaluation differs from training: on the same batch the loss is 40% higher in evaluation "
        "mode (median of 3 measurements since step 100, 1.4 against 1), although the running "
        "statistics follow the batches."
    )
    assert finding.evidence.values == (0.4, 0.5, 0.3)
    many = the("evaluation-differs", measured(EVALUATION, [11.0] * 3))
    assert many.sentence.endswith(
        "is 12 times as high in evaluation mode (median of 3 measurements since step 0)."
    )


@pytest.mark.parametrize(
    "values", [[0.25] * 5, [-0.6] * 5, [0.9] * 2, [0.1, 0.1, 2.0, 0.1], [0.0] * 9]
)
def test_evaluation_like_training_does_not_appear(values) -> None:
    assert found("evaluation-differs", measured(EVALUATION, values)) is None


def test_a_batch_that_is_too_small_appears() -> None:
    finding = the("batch-too-small-for-norm", measured(HALVES, [0.2, 0.3, 0.25]))
    assert finding.severity == "warning"
    assert "the loss is 25% higher (median of 3 measurements since step 0)" in finding.sentence
    assert finding.evidence.values == (0.2, 0.3, 0.25)
    assert "1803.08494" in finding.reference


@pytest.mark.parametrize("values", [[0.1] * 5, [0.5] * 2, [0, 0, 0.9, 0, 0], [-0.3] * 5])
def test_a_batch_that_can_be_halved_does_not_appear(values) -> None:
    assert found("batch-too-small-for-norm", measured(HALVES, values)) is None


def test_dead_scales_appear_with_their_share() -> None:
    finding = the(
        "dead-scales",
        measured(DEAD, [0.0, 0.2, 0.25, 0.3], "one"),
        measured(DEAD, [0.125] * 4, "two"),
        measured(DEAD, [0.1] * 4, "three"),
    )
    assert finding.severity == "info"
    assert "are dead in one (25%) and two (12.5%): " in finding.sentence
    assert finding.evidence.layers == ("one", "two")
    assert finding.evidence.steps == (100, 0)
    assert finding.evidence.values == (0.25, 0.125)


def test_a_layer_that_is_mostly_dead_is_a_warning() -> None:
    assert the("dead-scales", measured(DEAD, [0.5] * 3, "one")).severity == "info"
    assert the("dead-scales", measured(DEAD, [0.51] * 3, "one")).severity == "warning"


@pytest.mark.parametrize("values", [[0.1] * 5, [0.9] * 2, [1.0, 0.0, 0.0, 0.0], [0.0] * 5])
def test_scales_that_live_do_not_appear(values) -> None:
    assert found("dead-scales", measured(DEAD, values, "layer")) is None


@pytest.mark.parametrize(("steps", "appears"), [(3, False), (8, True)])
def test_statistics_that_are_fresh_do_not_make_evaluation_differ(steps, appears) -> None:
    """At every tenth step: three measurements within 30 steps, and five after them."""
    readings = [
        replace(reading, step=reading.step // 10)
        for series in (
            measured("norm_health/evaluation_gap", [2.0] * steps),
            measured("norm_health/mean_gap", [0.1] * steps, "norm"),
        )
        for reading in series
    ]
    assert (found("evaluation-differs", readings) is not None) == appears


MODE, UNSET = "norm_health/evaluation_mode", "norm_health/statistics_unset"
TRAINED = measured("norm_health/training_loss", [1.0] * 4)


def test_a_network_that_was_in_training_mode_before_is_warned_of() -> None:
    always = the("evaluation-mode", measured(MODE, [1.0] * 4))
    assert always.severity == "info"
    assert "in evaluation mode (4 measurements since step 0): dropout is off" in always.sentence
    later = the("evaluation-mode", measured(MODE, [1.0] * 9)[1:], TRAINED[:1])
    assert later.severity == "warning"
    assert "(8 measurements since step 100), and was in training mode before" in later.sentence
    assert found("norms-in-evaluation", measured(MODE, [1.0] * 4)) is None


def test_norms_in_evaluation_mode_with_the_statistics_of_their_start_are_warned_of() -> None:
    layers = [measured(MODE, [1.0] * 4, name) for name in ("one", "two")]
    finding = the("norms-in-evaluation", TRAINED, *layers)
    assert finding.severity == "info"
    assert "at one and two: they normalise with running statistics" in finding.sentence
    unset = the("norms-in-evaluation", TRAINED, *layers, measured(UNSET, [1.0] * 4, "two"))
    assert unset.severity == "warning"
    assert "at two: their running statistics are still the initial 0 and 1" in unset.sentence
    assert unset.evidence.quantity == UNSET
    assert found("evaluation-mode", TRAINED, *layers) is None
