"""Findings about the training's end and about the measuring itself."""

import math

import pytest

from landscope.reading import Reading, Status

from .history import found, looks, the

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
def test_a_divergence_is_serious_and_told_with_the_curvature_before(last) -> None:
    finding = the(
        "diverged",
        losses([2.3, 2.0, last, NAN]),
        looks("step_size/sharpness_lr", [1.0, 5.5]),
    )
    assert finding.severity == "serious"
    assert finding.sentence == (
        "The training diverged: the loss is not finite from step 200 on; at step 100 learning rate "
        "times curvature was 5.5, above the edge at 2."
    )
    assert finding.evidence.quantity == LOSS
    assert finding.evidence.steps == (200, 300)
    assert finding.evidence.values == ()


def test_one_look_is_enough_and_its_status_need_not_say_it() -> None:
    finding = the("diverged", looks(LOSS, [1.0, NAN]), looks("step_size/sharpness_lr", [1.0]))
    assert finding.sentence == ("The training diverged: the loss is not finite from step 100 on.")


def test_the_first_of_several_losses_is_told() -> None:
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
    assert found("diverged", looks(LOSS, [1.0, NAN], status=status)) is None


def test_losses_that_are_finite_or_of_other_probes_are_no_divergence() -> None:
    assert found("diverged", losses([1e30, 2.0])) is None
    assert found("diverged", losses([NAN], "step_size/loss")) is None
    line = Reading(0, "gradient", "loss", (1.0, NAN), status=Status.NONFINITE)
    assert found("diverged", [line]) is None


def failure(step, probe, reason="UsageError: the batch cannot be halved"):
    return Reading(
        step,
        "scope",
        "failed",
        1.0,
        layer=probe,
        status=Status.SKIPPED,
        function=reason,
    )


def test_failed_probes_are_told_with_reason_and_count() -> None:
    failed = [failure(300, "noise_scale"), failure(0, "norm_health"), failure(100, "norm_health")]
    finding = the("probe-failed", failed)
    assert finding.severity == "info"
    assert finding.sentence == (
        "Not everything was measured: norm_health failed 2 times, first at step 0 (UsageError: the "
        "batch cannot be halved) and noise_scale failed once, first at step 300 (UsageError: the "
        "batch cannot be halved); the training is not touched by it."
    )
    assert finding.evidence.layers == ("norm_health", "noise_scale")
    assert finding.evidence.steps == (0, 300)
    assert finding.evidence.values == (2.0, 1.0)


def test_a_long_reason_is_cut_and_put_on_one_line() -> None:
    finding = the("probe-failed", [failure(0, "line", "first\n  second " + "x" * 500)])
    assert "(first second xxx" in finding.sentence
    assert "x ...)" in finding.sentence
    assert len(finding.sentence) < 400
    assert "(no reason given)" in the("probe-failed", [failure(0, "line", "")]).sentence


def test_of_many_failed_probes_three_are_told() -> None:
    finding = the("probe-failed", [failure(at, f"probe{at}") for at in range(5)])
    assert "probe2 failed once" in finding.sentence
    assert "probe3" not in finding.sentence
    assert "and 2 probes more;" in finding.sentence
    assert len(finding.evidence.layers) == 5


def test_probes_that_did_not_fail_are_not_told() -> None:
    assert found("probe-failed", looks("scope/share", [0.05] * 5)) is None


def test_a_budget_that_is_exceeded_at_the_end_is_told() -> None:
    finding = the(
        "budget-exceeded",
        looks("scope/share", [0.02, 0.05, 0.08]),
        looks("scope/asked_share", [0.05] * 3),
    )
    assert finding.severity == "info"
    assert finding.sentence == (
        "Measuring took 8% of the time up to step 200, where 5% was asked for."
    )
    assert finding.evidence.steps == (200,)
    assert finding.evidence.values == (0.08,)


@pytest.mark.parametrize(
    ("share", "asked"),
    [
        ([0.054] * 5, [0.05] * 5),
        ([0.5] * 5, []),  # nobody asked
        ([0.5] * 2, [0.05] * 2),
        ([0.5, 0.2, 0.05], [0.05] * 3),
    ],
)
def test_a_budget_that_is_kept_is_not_told(share, asked) -> None:
    budget = looks("scope/share", share), looks("scope/asked_share", asked)
    assert found("budget-exceeded", *budget) is None
