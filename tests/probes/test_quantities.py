"""Values that cannot be: each quantity has a domain; outside of it no reading can be believed."""

import math
from dataclasses import replace

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for
from torch import nn

from landscope.cost import Cost
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import StepView
from landscope.probes.table import PROBES
from landscope.quantities import (
    ANY,
    COVARIATE_SHIFT,
    FIXED_LINE,
    GRADIENT,
    INPUT_DRIFT,
    NOISE_SCALE,
    NORM_HEALTH,
    STEP_SIZE,
    Domain,
    Quantity,
)
from landscope.reading import TRUSTED, Status
from landscope.scope.scope import Scope

VIEW = StepView(0, 0.1, torch.ones(()), torch.ones(()), None)


class Saying(Probe):
    """Gives one value."""

    def __init__(self, id):  # noqa: A002
        super().__init__(id, EverySteps(1))

    def cost(self, work):
        del work
        return Cost(0, 0)

    def read(self, view):
        del view
        return []


def status(quantity, value, **given):
    return Saying("mine").reading(VIEW, quantity, value, **given).status


def scoped(model, loss, optimizer, pairs, **settings):
    scope = Scope(model, loss, optimizer, **{"every": 1, **settings})
    for inputs, targets in pairs:
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.step()
    return {r.key: r for r in scope.readings}, scope


def test_every_reading_of_every_probe_is_of_a_declared_quantity_and_lies_in_its_domain():
    kind = Kind(norm="batch")
    model = network(kind)
    _, scope = scoped(
        model, loss_fn, optimizer_for(kind, model), batches(3), probes=[*PROBES], every=1
    )
    declared = {probe.id: probe.quantities for probe in scope._probes}
    read = [r for r in scope.readings if r.probe != "scope"]
    assert {r.probe for r in read} == declared.keys()
    for reading in read:
        quantity = declared[reading.probe].named(reading.quantity)
        assert quantity is not None, reading.key
        assert (quantity.probe, quantity.unit) == (reading.probe, reading.unit)
        assert quantity.of in ("both", "network" if reading.layer is None else "layer")
        values = reading.value if isinstance(reading.value, tuple) else (reading.value,)
        if reading.status in TRUSTED:
            assert all(map(quantity.domain.holds, values))


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (NOISE_SCALE.gradient_variance, -1e-9),
        (COVARIATE_SHIFT.shift_cosine, 1 + 1e-12),
        (FIXED_LINE.beta, (1.0, -0.1)),
        (NORM_HEALTH.dead_scales, 1.5),
        (STEP_SIZE.safe_lr, 0.0),
    ],
)
def test_a_value_outside_of_its_domain_is_unresolved(quantity, value):
    assert status(quantity, value) is Status.UNRESOLVED
    assert status(quantity, value, status=Status.FALLBACK) is Status.UNRESOLVED
    assert status(quantity, value, status=Status.UNCONVERGED) is Status.UNCONVERGED
    assert status(quantity.name, value) is Status.OK  # of which nothing is known


def test_a_probe_finds_by_its_name_what_it_declares():
    probe = Saying("noise_scale")
    probe.quantities = NOISE_SCALE
    read = probe.reading(VIEW, "gradient_variance", -1.0)
    assert (read.status, read.unit) == (Status.UNRESOLVED, "(loss / parameter)^2")
    assert probe.reading(VIEW, "mine", -1.0, unit="m").unit == "m"


def test_quantities_know_their_names():
    assert GRADIENT.loss == Quantity("gradient", "loss", "loss", "network", ANY)
    assert FIXED_LINE.beta.key == ("line[fixed]", "beta")
    assert str(FIXED_LINE.beta) == "line[fixed]/beta"
    assert GRADIENT.gradient_share.beside == GRADIENT.gradient_norm
    assert INPUT_DRIFT.silent_inputs.beside == INPUT_DRIFT.input_mean_change
    assert GRADIENT.named("probe") is None
    assert len({quantity.name for quantity in GRADIENT.all}) == len(GRADIENT.all) == 14


def test_what_is_not_finite_says_so_unless_it_says_more():
    assert status("any", math.nan) is Status.NONFINITE
    assert status("any", (1.0, math.inf), status=Status.FALLBACK) is Status.NONFINITE
    assert status("any", math.nan, status=Status.SKIPPED) is Status.SKIPPED


def test_the_ends_of_a_domain():
    assert Domain(0.0, 1.0).holds(0.0)
    assert Domain(0.0, 1.0).holds(1.0)
    assert not Domain(0.0, 1.0).holds(1.1)
    assert not Domain(0.0, above=True).holds(0.0)
    assert not ANY.holds(math.nan)


def low(rate, kind=torch.bfloat16):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 3)).to(kind)
    pair = torch.randn(16, 6).to(kind), torch.randint(0, 3, (16,))
    return model, nn.functional.cross_entropy, torch.optim.SGD(model.parameters(), rate), [pair]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_a_step_that_rounding_takes_away_is_unresolved_and_one_that_it_leaves_is_read(kind):
    tiny, _ = scoped(*low(1e-6, kind), probes=["line", "update", "gradient", "step_size"])
    for key in ("line[paper]/beta", "line[paper]/effective_beta", "line[paper]/beta_lr"):
        assert tiny[key].status is Status.UNRESOLVED, key
        assert str(tiny[key].function).endswith(
            "a step is too small for the type of the weights: rounding removes it"
        )
    assert tiny["update/loss_ratio"].status is Status.UNRESOLVED
    assert tiny["step_size/safe_multiple"].status is Status.UNRESOLVED
    assert "step_size/safe_lr" not in tiny
    assert tiny["line[paper]/start_loss"].status is Status.OK
    assert tiny["gradient/gradient_norm"].status is Status.OK

    large, _ = scoped(*low(1.0, kind), probes=["line", "update"])
    assert large["line[paper]/effective_beta"].status is Status.OK
    assert large["update/loss_ratio"].status is Status.OK


def test_weights_of_a_reduced_type_have_no_floor_of_rounding_and_others_have_one():
    found, _ = scoped(*low(0.1), probes=["noise_floor"])
    rounding = found["noise_floor/rounding_relative"]
    assert (rounding.status, math.isnan(rounding.value)) == (Status.SKIPPED, True)
    assert str(rounding.function) == (
        "the weights are of a reduced type: there is no gradient in full precision"
    )
    assert found["noise_floor/repeat_l2"].status is Status.OK
    full, _ = scoped(*low(0.1, torch.float32), probes=["noise_floor"])
    assert full["noise_floor/rounding_relative"].status is Status.OK


@pytest.mark.parametrize(("shift", "known"), [(0.0, True), (-100.0, False)])
def test_a_ratio_of_losses_is_one_of_positive_losses(shift, known):
    model, loss, optimizer, pairs = low(0.1, torch.float32)
    found, _ = scoped(model, lambda o, t: loss(o, t) + shift, optimizer, pairs, probes=["update"])
    for quantity in ("loss_ratio", "step_ratio"):
        reading = found[f"update/{quantity}"]
        assert reading.status is (Status.OK if known else Status.SKIPPED)
        assert math.isfinite(reading.value) is known
        said = "the ratio of losses of" in str(reading.function)
        assert said is not known


def test_a_rate_of_zero_and_a_gradient_of_zero_give_no_number_that_can_be_believed():
    model, loss, optimizer, pairs = low(0.0, torch.float32)
    found, _ = scoped(model, loss, optimizer, pairs, probes=["step_size", "update"])
    safe = found["step_size/safe_multiple"]
    assert (safe.status, str(safe.function).split("; ")[-1]) == (
        Status.UNRESOLVED,
        "the update is zero",
    )
    assert "step_size/safe_lr" not in found

    model, _, optimizer, pairs = low(0.1, torch.float32)
    flat, _ = scoped(
        model, lambda o, _: 0.0 * o.sum() + 1.0, optimizer, pairs, probes=[*PROBES][:-1]
    )
    for reading in flat.values():
        values = reading.value if isinstance(reading.value, tuple) else (reading.value,)
        assert reading.status not in TRUSTED or all(map(math.isfinite, values)), reading.key
    assert flat["line[paper]/beta"].status is Status.NONFINITE
    assert flat["noise_scale/noise_scale"].status not in TRUSTED


def test_no_reading_but_the_doubtful_ones_changes():
    """What an unresolved reading says of itself, it does not say of its neighbours."""
    found, _ = scoped(*low(1e-6), probes=["step_size"])
    others = [r for r in found.values() if r.quantity in ("lr", "curvature", "descent")]
    assert others == [replace(r, status=Status.OK) for r in others]
