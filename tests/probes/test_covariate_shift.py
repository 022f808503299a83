"""The covariate shift of a training's own update, against the public function by hand."""

import copy
import math

import pytest
import torch
from tests.probes.one_look import at, readings_of, steps_by_hand, values
from tests.small_networks import BUILDERS, setting
from torch import Tensor, nn

import landscope
from landscope.cost import Work
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.schedule import EverySteps, WhenPlanned
from landscope.reading import Status

QUANTITIES = ("shift_l2", "shift_relative", "shift_cosine", "gradient_norm")
FIRST = {
    "vgg": "1.features.conv1",
    "mlp": "layers.fc1",
    "dln": "layers.fc1",
    "dropout": "0",
}


@pytest.mark.parametrize("network", BUILDERS)
@pytest.mark.parametrize("norm", ["none", "noisy-batch"])
@pytest.mark.parametrize("l2_penalty", [0.0, 0.02])
def test_it_is_definition_2_1_at_each_look(network, norm, l2_penalty):
    readings = readings_of(
        CovariateShift(EverySteps(2)), setting(network, norm), steps=3, l2_penalty=l2_penalty
    )

    for step in steps_by_hand(setting(network, norm), steps=3, l2_penalty=l2_penalty):
        shifts = landscope.covariate_shift(*step.batch, after=step.after)
        if step.number == 1:
            assert not [reading for reading in readings if reading.step == 1]
            continue
        layers = [r.layer for r in readings if r.step == step.number and r.quantity == "shift_l2"]
        assert layers == [shift.layer for shift in shifts]
        for shift in shifts:
            found = values(at(readings, step.number, shift.layer), *QUANTITIES)
            assert found == [shift.l2, shift.relative, shift.cosine, shift.gradient_norm]


@pytest.mark.parametrize("network", BUILDERS)
def test_the_first_layer_has_none_and_the_others_have(network):
    readings = readings_of(
        CovariateShift(EverySteps(1)), setting(network, "batch"), steps=2, l2_penalty=0.0
    )

    shifts = [reading for reading in readings if reading.quantity == "shift_l2"]
    assert [r.value for r in shifts if r.layer == FIRST[network]] == [0.0, 0.0]
    assert all(r.value > 0 for r in shifts if r.layer != FIRST[network])


def test_units_and_function():
    found = at(
        readings_of(CovariateShift(EverySteps(1)), setting("mlp", "none"), steps=1, l2_penalty=0.5),
        0,
        "layers.fc2",
    )

    assert {name: reading.unit for name, reading in found.items()} == {
        "shift_l2": "loss / parameter",
        "shift_relative": "1",
        "shift_cosine": "1",
        "gradient_norm": "loss / parameter",
    }
    assert {str(reading.function) for reading in found.values()} == {
        "training mode, the step's own batch, 8 samples, loss with L2 penalty 0.5"
    }


def test_a_shift_that_overflows_says_so():
    """The step at which a training breaks down still has its gradient, but no shift."""
    made = setting("dln", "none")
    made.lr = 1e150
    readings = readings_of(CovariateShift(EverySteps(1)), made, steps=1, l2_penalty=0.0)

    last = at(readings, 0, "layers.fc4")
    assert not math.isfinite(last["shift_l2"].value)
    assert last["shift_l2"].status is Status.NONFINITE
    assert last["gradient_norm"].status is Status.OK
    assert at(readings, 0, "layers.fc1")["shift_l2"].status is Status.OK


class LooksInside(nn.Module):
    """Goes one way or another, by the numbers."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden if hidden.mean() > 0 else -hidden


def test_a_network_that_looks_at_its_numbers_is_measured_like_any_other():
    made = setting("mlp", "none")
    made.model = nn.Sequential(made.model, LooksInside())

    readings = readings_of(CovariateShift(EverySteps(1)), made, steps=1, l2_penalty=0.0)

    twin = setting("mlp", "none")
    twin.model = nn.Sequential(twin.model, LooksInside())
    for step in steps_by_hand(twin, steps=1, l2_penalty=0.0):
        for shift in landscope.covariate_shift(*step.batch, after=step.after):
            found = at(readings, 0, shift.layer)
            assert values(found, "shift_l2", "shift_cosine") == [shift.l2, shift.cosine]
    assert {reading.status for reading in readings} == {Status.OK}


def test_within_a_budget_it_follows_six_layers_and_declares_them():
    model = nn.Sequential(*[nn.Linear(3, 3) for _ in range(20)])
    planned = CovariateShift(WhenPlanned(0))
    found = [reading for reading in one_look(planned, model) if reading.quantity == "shift_l2"]
    every = {
        r.layer: r
        for r in one_look(CovariateShift(EverySteps(1)), model)
        if r.quantity == "shift_l2"
    }

    assert [reading.layer for reading in found] == ["2", "5", "9", "12", "15", "19"]
    assert [reading.value for reading in found] == [every[r.layer].value for r in found]
    work = Work.even(20, 1)
    shares = [probe.cost(work).in_steps(work) for probe in (planned, CovariateShift(EverySteps(1)))]
    assert shares[0] < shares[1] / 2


def one_look(probe, model):
    """The readings of one step of gradient descent."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    start = copy.deepcopy(model.state_dict())
    scope = landscope.Scope(
        model, lambda out, t: (out - t).square().mean(), optimizer, probes=[probe]
    )
    inputs = torch.randn(4, 3)
    with scope.step(inputs, inputs):
        (model(inputs) - inputs).square().mean().backward()
        optimizer.step()
    optimizer.zero_grad()
    model.load_state_dict(start)
    return scope.readings
