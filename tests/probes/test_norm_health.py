"""The probe of the norms' health: each reading is that of the function, and says of which one."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from landscope.measures.norm_health import norm_health
from landscope.objective.norm_mode import in_norm_mode
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.probes.norm_health import NormHealth
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import Snapshot, StepView
from landscope.reading import OWN_BATCH, Provenance, Status

EVERY = EverySteps(1)

MEASURED = Provenance(mode="training", batch=OWN_BATCH)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(6)

    def forward(self, inputs):
        return self.norm(self.norm(inputs) ** 2)


def network(*norms):
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(4, 6), *norms, nn.Tanh(), nn.Linear(6, 3)).double()
    model(torch.randn(9, 4).double() + 1)
    return model


INPUTS = torch.randn(8, 4, generator=torch.Generator().manual_seed(3)).double()
TARGETS = torch.arange(8) % 3


def read(model, samples=8, mode="batch"):
    inputs, targets = INPUTS[:samples], TARGETS[:samples]
    objective = Objective.now(model, functional.cross_entropy, inputs, targets, l2_penalty=0.1)
    point = trainable(model)
    objective = in_norm_mode(objective, mode, point)
    loss, data_loss, gradient = objective.gradient(point)
    shot = Snapshot(objective, point, point, gradient, MEASURED)
    readings = NormHealth(EVERY).read(StepView(4, 0.1, loss, data_loss, shot))
    found = {(reading.quantity, reading.layer): reading for reading in readings}
    assert len(found) == len(readings)
    return found


def values(found):
    return {key: reading.value for key, reading in found.items()}


def test_the_readings_are_those_of_the_public_function():
    model = network(nn.BatchNorm1d(6), nn.Identity(), nn.LayerNorm(6))
    found = read(model)
    expected = norm_health(model, functional.cross_entropy, INPUTS, TARGETS)
    (gap,) = expected.gaps

    assert values(found) == {
        ("training_loss", None): expected.training_loss,
        ("evaluation_loss", None): expected.evaluation_loss,
        ("evaluation_gap", None): expected.evaluation_gap,
        ("half_batch_gap", None): expected.half_batch_gap,
        ("mean_gap", "1"): gap.mean_gap,
        ("variance_gap", "1"): gap.variance_gap,
        ("dead_scales", "1"): 0.0,
        ("dead_scales", "3"): 0.0,
    }
    assert {reading.status for reading in found.values()} == {Status.OK}
    assert {(r.step, r.probe) for r in found.values()} == {(4, "norm_health")}


def test_each_loss_says_which_function_it_is_of():
    found = read(network(nn.BatchNorm1d(6)))
    batch = "training mode, the step's own batch, loss without penalty"

    assert {
        quantity: str(found[quantity, None].function) for quantity, layer in found if not layer
    } == {
        "training_loss": batch,
        "evaluation_loss": f"{batch}; the network in evaluation mode",
        "evaluation_gap": f"{batch}; the network in evaluation mode",
        "half_batch_gap": f"{batch}; each half of the batch with its own statistics",
    }


@pytest.mark.parametrize("mode", ["frozen", "running"])
def test_in_another_norm_mode_it_is_the_step_that_is_looked_at(mode):
    model = network(nn.BatchNorm1d(6))
    found = read(model, mode=mode)

    assert values(found) == values(read(model))
    assert str(found["training_loss", None].function).endswith("; norms as they are trained")


def test_without_norms_that_follow_batches_there_is_nothing_of_halves():
    assert {quantity for quantity, _ in read(network(nn.LayerNorm(6)))} == {
        "training_loss",
        "evaluation_loss",
        "evaluation_gap",
        "dead_scales",
    }
    assert {layer for _, layer in read(network())} == {None}


def test_a_batch_that_the_norm_cannot_take_by_halves():
    found = read(network(nn.BatchNorm1d(6)), samples=3)
    skipped = found["half_batch_gap", None]

    assert math.isnan(skipped.value)
    assert skipped.status is Status.SKIPPED
    assert str(skipped.function).startswith(
        "the batch's halves: Expected more than 1 value per channel"
    )
    assert found["mean_gap", "1"].status is Status.OK


def test_a_norm_that_is_used_twice_is_told():
    found = read(network(Twice()))

    for quantity in ("mean_gap", "variance_gap"):
        reading = found[quantity, "1.norm"]
        assert math.isnan(reading.value)
        assert (reading.status, str(reading.function)) == (
            Status.SKIPPED,
            "the norm is used 2 times in a pass",
        )
    assert found["half_batch_gap", None].status is Status.OK


def test_no_snapshot_no_readings():
    nothing = StepView(0, 0.1, torch.ones(()), torch.ones(()), None)

    assert NormHealth(EVERY).read(nothing) == []
