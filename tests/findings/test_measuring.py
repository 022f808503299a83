"""Findings about the measuring itself."""

from dataclasses import replace

import pytest

from landscope.findings import find
from landscope.reading import Reading, Status

from .history import found, measured, the


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


def test_failed_probes_appear_with_reason_and_count() -> None:
    failed = [failure(300, "noise_scale"), failure(0, "norm_health"), failure(100, "norm_health")]
    finding = the("probe-failed", failed)
    assert finding.severity == "info"
    assert finding.sentence == (
        "Not everything was measured: norm_health failed 2 times, first at step 0 (UsageError: the "
        "batch cannot be halved) and noise_scale failed once, first at step 300 (UsageError: the "
        "batch cannot be halved); the training is not affected."
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


def test_of_many_failed_probes_three_appear() -> None:
    finding = the("probe-failed", [failure(at, f"probe{at}") for at in range(5)])
    assert "probe2 failed once" in finding.sentence
    assert "probe3" not in finding.sentence
    assert "and 2 probes more;" in finding.sentence
    assert len(finding.evidence.layers) == 5


def test_probes_that_did_not_fail_do_not_appear() -> None:
    assert found("probe-failed", measured("scope/share", [0.05] * 5)) is None


def test_a_budget_that_is_exceeded_at_the_end_appears() -> None:
    finding = the(
        "budget-exceeded",
        measured("scope/share", [0.02, 0.05, 0.08]),
        measured("scope/asked_share", [0.05] * 3),
    )
    assert finding.severity == "info"
    assert finding.sentence == (
        "Measuring took 8% of the time up to step 200, more than the 5% asked for."
    )
    assert finding.evidence.steps == (200,)
    assert finding.evidence.values == (0.08,)


@pytest.mark.parametrize(
    ("share", "asked"),
    [
        ([0.054] * 5, [0.05] * 5),
        ([0.5] * 5, []),  # without a plan
        ([0.5] * 2, [0.05] * 2),
        ([0.5, 0.2, 0.05], [0.05] * 3),
    ],
)
def test_a_budget_that_is_kept_does_not_appear(share, asked) -> None:
    budget = measured("scope/share", share), measured("scope/asked_share", asked)
    assert found("budget-exceeded", *budget) is None


BLOCKS, INSIDE, OUTSIDE = (
    f"scope/{name}"
    for name in ("blocks_without_update", "weights_changed_inside", "weights_changed_outside")
)


@pytest.mark.parametrize(
    ("changed", "words", "helps"),
    [
        ([], "in 100 blocks, so nothing was measured.", "Call optimizer.step() inside"),
        ([INSIDE], "though the weights changed: another optimiser stepped", "Give Scope the opt"),
        ([OUTSIDE], ", and the weights changed outside the blocks, so", "Call optimizer.step()"),
        ([INSIDE, OUTSIDE], "though the weights changed", "Give Scope the optimiser"),
    ],
)
def test_blocks_without_a_step_appear_with_what_moved_the_weights(changed, words, helps) -> None:
    moved = [measured(quantity, [1.0]) for quantity in changed]
    finding = the("no-updates-seen", measured(BLOCKS, [100.0]), *moved)
    assert finding.severity == "serious"
    assert words in finding.sentence
    assert finding.remedy.startswith(helps)
    assert finding.evidence.values == (100.0,)


def test_a_step_after_all_and_the_last_count_decide() -> None:
    counts = [Reading(7, "scope", "blocks_without_update", count) for count in (100.0, 200.0)]
    assert "in 200 blocks since step 7, so" in the("no-updates-seen", counts).sentence
    seen = Reading(7, "scope", "blocks_without_update", 0.0)
    assert found("no-updates-seen", [*counts, seen]) is None
    assert found("no-updates-seen", measured("update/update_norm", [1.0] * 9)) is None


def test_a_probe_that_never_measured_appears_with_the_reason() -> None:
    readings = measured("update/update_norm", [1.0] * 5)
    (unplanned,) = find(readings, ["update", "line", "theory"])
    assert unplanned.id == "not-measured"
    assert unplanned.severity == "info"
    assert unplanned.sentence == (
        "There is no measurement by line and theory, while other probes measured up to 5 times: no "
        "measurement within these steps was scheduled for them."
    )
    assert unplanned.evidence.layers == ("line", "theory")
    (unpaid,) = find([*readings, *measured("scope/asked_share", [0.2] * 5)], ["update", "line"])
    assert "the budget of 20% did not pay for it" in unpaid.sentence
    assert unpaid.remedy.startswith("Give a larger budget, such as budget=0.5, or every=")


@pytest.mark.parametrize(
    ("more", "probes"),
    [
        ([], ["update"]),
        ([failure(0, "line")], ["update", "line"]),  # which is another finding
        ([replace(failure(0, "line"), quantity="left_out")], ["update", "line"]),
        ([replace(failure(0, "line"), quantity="nothing_to_read", status=Status.OK)], ["line"]),
    ],
)
def test_probes_that_measured_or_could_not_do_not_appear_as_not_measured(more, probes) -> None:
    readings = measured("update/update_norm", [1.0] * 3)
    assert "not-measured" not in {finding.id for finding in find([*readings, *more], probes)}
    assert find(readings[1:], ["update", "line"]) == []  # too few to say so
