"""Findings about the loss: it overflowed, or it does not fall."""

import math
from dataclasses import replace

import pytest

from landscope.reading import Reading, Status

from .history import found, larger_step, measured, stays, the

NAN, INF = math.nan, math.inf
LOSS = "gradient/loss"


def losses(values, key=LOSS):
    """Looks of a loss, with the status that a probe gives."""
    probe, quantity = key.split("/")
    return [
        Reading(
            100 * at,
            probe,
            quantity,
            float(value),
            "loss",
            status=Status.OK if math.isfinite(value) else Status.NONFINITE,
        )
        for at, value in enumerate(values)
    ]


@pytest.mark.parametrize("last", [NAN, INF])
def test_a_divergence_is_serious_and_appears_with_the_curvature_before(last) -> None:
    finding = the(
        "diverged",
        losses([2.3, 2.0, last, NAN]),
        measured("step_size/sharpness_lr", [1.0, 5.5]),
    )
    assert finding.severity == "serious"
    assert finding.sentence == (
        "The training diverged: the loss is not finite from step 200 on; at step 100 learning rate "
        "times curvature was 5.5, above the edge at 2."
    )
    assert finding.evidence.quantity == LOSS
    assert finding.evidence.steps == (200, 300)
    assert finding.evidence.values == ()


def test_one_measurement_is_enough_and_its_status_need_not_say_it() -> None:
    finding = the("diverged", measured(LOSS, [1.0, NAN]), measured("step_size/sharpness_lr", [1.0]))
    assert finding.sentence == ("The training diverged: the loss is not finite from step 100 on.")


def test_the_first_of_several_losses_appears() -> None:
    curve = losses([1.0, NAN, NAN], "training/train_loss")
    finding = the("diverged", losses([1.0, 1.0, NAN]), curve)
    assert "the training loss is not finite from step 100 on" in finding.sentence
    assert finding.evidence.quantity == "training/train_loss"


def test_a_loss_that_is_never_finite_did_not_diverge() -> None:
    finding = the("diverged", losses([NAN, NAN]))
    assert finding.severity == "serious"
    assert "was never finite, from the first measurement at step 0 on" in finding.sentence


def test_an_overflow_that_heals_is_a_warning_and_never_hides_a_divergence() -> None:
    healed = losses([1.0, INF, 1.0])
    finding = the("diverged", healed)
    assert finding.severity == "warning"
    assert finding.sentence == (
        "The loss overflowed at 1 measurement, first at step 100, and is finite again from step "
        "200 on."
    )
    both = the("diverged", healed, losses([1, 1, 1, 1, NAN], "training/train_loss"))
    assert both.severity == "serious"
    assert both.evidence.steps == (400,)


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.UNCONVERGED])
def test_a_loss_that_was_not_measured_did_not_overflow(status) -> None:
    assert found("diverged", measured(LOSS, [1.0, NAN], status=status)) is None


def test_losses_that_are_finite_or_of_other_probes_are_no_divergence() -> None:
    assert found("diverged", losses([1e30, 2.0])) is None
    assert found("diverged", losses([NAN], "step_size/loss")) is None
    line = Reading(0, "gradient", "loss", (1.0, NAN), status=Status.NONFINITE)
    assert found("diverged", [line]) is None


def test_a_loss_that_stays_where_it_was_appears() -> None:
    finding = the("stuck", *stays([2.3] * 20, [1.0] * 20))
    assert finding.severity == "warning"
    assert finding.sentence == (
        "The training is stuck: the loss is 2.3 (median of 20 measurements since step 0), and was "
        "2.3 at the first measurement."
    )
    assert "much too small or much too large" in finding.remedy
    assert (finding.evidence.quantity, finding.evidence.unit) == ("gradient/loss", "loss")


def test_a_gradient_that_has_gone_while_the_loss_is_high_appears() -> None:
    series = stays([2.6, 9.0, *[2.2] * 18], [4.0, 90.0, *[0.3] * 18])
    finding = the("stuck", *series)
    assert "the loss is 2.2 (median of 20 measurements since step 0)" in finding.sentence
    assert "and the gradient has less than 10% of its first length" in finding.sentence
    assert finding.remedy.startswith("Start again with a smaller learning rate")
    # That appears early, and a loss that stays does not.
    assert found("stuck", *stays([2.6, *[2.2] * 4], [4.0, *[0.3] * 4]))
    # No step size leads on from there.
    larger = larger_step([16] * 20, [0.1] * 20, [0.1] * 20)
    assert found("step-could-be-larger", *larger)
    assert found("step-could-be-larger", *larger, *series) is None


@pytest.mark.parametrize(
    ("losses", "norms"),
    [
        ([2.3] * 5, [1.0] * 5),  # too early
        ([2.3] * 10 + [2.2] * 10, [1.0] * 20),  # it took its time
        ([2.6] + [2.2] * 19, [4.0] + [1.0] * 19),  # slow, with a gradient to follow
        ([2.6] + [2.0] * 19, [4.0] + [0.3] * 19),  # a gradient that fades as the loss falls
        ([0.0] * 20, [1.0] * 20),
        ([-1.0] * 20, [1.0] * 20),  # of a loss below 0 there is no share
    ],
)
def test_a_training_that_gets_somewhere_is_not_stuck(losses, norms) -> None:
    assert found("stuck", *stays(losses, norms)) is None


def test_a_loss_that_rises_far_is_said_to_rise() -> None:
    finding = the("stuck", *stays([1.0, *[40.0] * 24], [1.0] * 25))
    assert finding.sentence == (
        "The loss rises: it is 40 (median of 25 measurements since step 0), and was 1 at the first "
        "measurement."
    )
    assert finding.remedy.startswith("Lower the learning rate until the loss falls.")


def test_the_curve_of_a_training_says_whether_it_is_stuck() -> None:
    finding = the("stuck", measured("training/train_loss", [2.35] + [2.34] * 40))
    assert finding.evidence.quantity == "training/train_loss"


@pytest.mark.parametrize(
    "losses",
    [
        [1.0, *[1.26] * 8],  # they differ much from batch to batch, or another network gains
        [1.0] * 4 + [0.97] + [1.0] * 4,  # of so few, one that is lower is enough
    ],
)
def test_a_few_measurements_that_differ_are_not_enough_for_stuck(losses) -> None:
    assert found("stuck", *stays(losses)) is None
    assert found("stuck", *stays([1.0, *[1.24] * 8]))
    assert found("stuck", *stays([1.0, *[1.26] * 19]))


@pytest.mark.parametrize(("count", "appears"), [(5, False), (6, True)])
def test_a_few_measurements_over_many_steps_are_enough_for_stuck(count, appears) -> None:
    series = stays([2.3] * count, [1.0] * count)
    assert (found("stuck", *series) is not None) == appears
    near = [replace(reading, step=reading.step // 10) for each in series for reading in each]
    assert found("stuck", near) is None  # within 50 steps
