"""The finding `not-measured`: which probes never measured, why, and when nothing is said of it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import landscope
from landscope.findings import Finding, Findings, find
from landscope.reading import Reading, Status

from .history import measured

PROBES = ["gradient", "step_size", "noise_scale"]
MEASURED = measured("gradient/loss", [3.0, 2.0, 1.0])
ASKED = measured("scope/asked_share", [0.05] * 3)


def not_measured(found: Findings) -> Finding | None:
    return next((one for one in found if one.id == "not-measured"), None)


def skipped(probe: str, reason: str, count: int = 3) -> list[Reading]:
    readings = measured(f"{probe}/value", [float("nan")] * count, status=Status.SKIPPED)
    return [
        Reading(r.step, r.probe, r.quantity, r.value, status=r.status, function=reason)
        for r in readings
    ]


def of_scope(quantity: str, probe: str) -> list[Reading]:
    status = Status.OK if quantity == "nothing_to_read" else Status.SKIPPED
    return [Reading(0, "scope", quantity, 1.0, layer=probe, status=status, function="why")]


def test_probes_that_the_budget_did_not_pay_for_are_named() -> None:
    finding = not_measured(find([*MEASURED, *ASKED], PROBES))
    assert finding is not None
    assert finding.severity == "info"
    assert finding.sentence == (
        "There is no measurement by step_size and noise_scale, while other probes measured up to 3 "
        "times: the budget of 5% did not pay for them."
    )
    assert finding.remedy == (
        "Give a larger budget, such as budget=0.2, or every= a number of steps, or train longer. "
        "Leave out the probes that you do not need, or that this training does not allow."
    )
    assert finding.evidence.layers == ("step_size", "noise_scale")
    assert finding.evidence.values == (0.0, 0.0)


def test_without_a_budget_it_is_the_schedule() -> None:
    finding = not_measured(find(MEASURED, PROBES[:2]))
    assert finding is not None
    assert finding.sentence.endswith(": no measurement within these steps was scheduled for it.")
    assert finding.remedy.startswith("Give it a schedule that measures within the steps")
    assert "budget" not in finding.remedy


def test_what_was_skipped_each_time_has_its_own_reason_and_no_larger_budget_as_a_remedy() -> None:
    reason = "the batch has one sample: it is measured in halves; give two"
    found = find([*MEASURED, *ASKED, *skipped("noise_scale", reason)], ["gradient", "noise_scale"])
    finding = not_measured(found)
    assert finding is not None
    assert finding.sentence == (
        "There is no measurement by noise_scale, while other probes measured up to 3 times: it "
        f"was skipped ({reason})."
    )
    assert finding.remedy.startswith("Leave out the probes that you do not need")
    assert found.unseen == ""  # more measurements would be skipped as well


def test_both_kinds_are_told_apart() -> None:
    found = find([*MEASURED, *ASKED, *skipped("noise_scale", "why")], PROBES)
    finding = not_measured(found)
    assert finding is not None
    assert finding.sentence.endswith(
        ": the budget of 5% did not pay for step_size and noise_scale was skipped (why)."
    )
    assert "step_size never" in found.unseen
    assert "noise_scale" not in found.unseen


@pytest.mark.parametrize(
    "others",
    [
        measured("step_size/lr", [0.1]),  # once is not never; that it is seldom is said elsewhere
        of_scope("nothing_to_read", "step_size"),
        of_scope("failed", "step_size"),  # probe-failed says why
        of_scope("left_out", "step_size"),
        [*measured("step_size/lr", [0.1]), *skipped("step_size", "why")],
    ],
    ids=["once", "nothing to read", "failed", "left out", "skipped now and then"],
)
def test_it_is_not_said_of_a_probe_that_measured_or_has_another_reason(
    others: list[Reading],
) -> None:
    assert not_measured(find([*MEASURED, *ASKED, *others], PROBES[:2])) is None


@pytest.mark.parametrize("times", [0, 1, 2])
def test_it_is_not_said_while_nothing_measured_often_enough(times: int) -> None:
    assert not_measured(find([*MEASURED[:times], *ASKED], PROBES)) is None


def test_it_is_not_said_where_nobody_knows_what_was_to_measure() -> None:
    assert not_measured(find([*MEASURED, *ASKED])) is None


def trained(
    loss_fn: Callable[[Tensor, Tensor], Tensor], *, batch: int = 16, **settings: object
) -> landscope.Scope:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 6))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    scope = landscope.Scope(model, loss_fn, optimizer, every=1, **settings)
    for _ in range(4):
        inputs = torch.randn(batch, 6)
        with scope.step(inputs, inputs):
            optimizer.zero_grad()
            loss_fn(model(inputs), inputs).backward()
            optimizer.step()
    return scope


def summed(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("settings", "loss_fn", "reason"),
    [
        (
            {"samples": "dependent"},
            nn.functional.mse_loss,
            "samples = 'dependent': of half a batch",
        ),
        ({}, summed, "the noise scale is that of a loss that is a mean"),
        ({"batch": 2}, nn.functional.mse_loss, "half of the batch, with 1 sample, does not pass"),
    ],
    ids=["declared", "a sum", "too small"],
)
def test_in_a_training_it_says_what_the_noise_scale_lacks(
    settings: dict[str, object],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scope = trained(loss_fn, **settings)  # type: ignore[arg-type]
    found = scope.findings()
    finding = not_measured(found)

    assert capsys.readouterr().err == ""  # that a batch has no halves is no mishap
    assert "probe-failed" not in {one.id for one in found}
    assert "noise_scale" not in found.unseen
    assert finding is not None
    assert finding.evidence.layers == ("noise_scale",)
    assert reason in finding.sentence


def test_a_training_in_which_all_probes_measured_does_not_have_it() -> None:
    scope = trained(nn.functional.mse_loss)
    assert set(scope.findings().measured.values()) == {4}
    assert not_measured(scope.findings()) is None


def test_a_budget_that_is_far_too_small_has_it() -> None:
    """The probes that never measured are those that it names, and no others."""
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    cheap = landscope.Scope(model, nn.functional.mse_loss, optimizer, every=1, probes="cheap")
    inputs = torch.randn(16, 6)
    for _ in range(3):
        with cheap.step(inputs, inputs):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), inputs).backward()
            optimizer.step()
    finding = not_measured(find([*cheap.readings, *ASKED], ["gradient", "update", "line[paper]"]))
    assert finding is not None
    assert finding.evidence.layers == ("line[paper]",)
