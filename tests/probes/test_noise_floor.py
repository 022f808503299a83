"""The noise floor beside a step's readings: of the network and its layers."""

import math

import pytest
import torch
from tests.probes.one_look import at, readings_of
from tests.small_networks import setting
from tests.tolerances import EXACT64, FLOAT32
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import landscope
from landscope.cost import Work
from landscope.models.mlp import MLP
from landscope.norms.table import builder
from landscope.objective.objective import Objective
from landscope.objective.parameters import displaced, trainable
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.line import FixedLine
from landscope.probes.noise_floor import NoiseFloor
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import Snapshot, StepView
from landscope.reading import Provenance, Status

EVERY = EverySteps(1)
TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
every_type = pytest.mark.parametrize("name", TYPES)


def network() -> tuple[MLP, Tensor, Tensor]:
    torch.manual_seed(0)
    return MLP((24, 16, 16, 4), norm=builder("batch")), torch.randn(8, 24), torch.randn(8, 4)


def look(name: str | None) -> StepView:
    """One step of a training under autocast, written out as a user would."""
    model, inputs, targets = network()
    with torch.autocast("cpu", dtype=TYPES.get(name), enabled=name is not None):
        objective = Objective.now(model, functional.mse_loss, inputs, targets, l2_penalty=1e-3)
    before = trainable(model)
    loss, data_loss, gradient = objective.gradient(before)
    shot = Snapshot(
        objective, before, displaced(before, gradient, 0.1), gradient, Provenance(mode="training")
    )
    return StepView(0, 0.1, loss, data_loss, shot)


@every_type
def test_its_readings_are_the_public_functions(name):
    readings = NoiseFloor(EVERY).read(look(name))

    model, inputs, targets = network()
    with torch.autocast("cpu", dtype=TYPES[name]):
        floor = landscope.noise_floor(model, functional.mse_loss, inputs, targets)
    assert len(readings) == 5 * (1 + len(floor.layers))
    for part, layer in ((floor, None), *((found, found.layer) for found in floor.layers)):
        found = at(readings, 0, layer)
        # The penalty is added in full precision: it enters the gradient's norm, and no difference.
        assert found["repeat_l2"].value == 0
        FLOAT32.check(found["rounding_l2"].value, part.rounding)
        norm = found["gradient_norm"].value
        assert found["repeat_relative"].value == 0
        assert found["rounding_relative"].value == found["rounding_l2"].value / norm > 0


@every_type
def test_it_stands_beside_the_readings_of_its_step_layer_by_layer(name):
    view = look(name)
    floor, shifts = NoiseFloor(EVERY).read(view), CovariateShift(EVERY).read(view)
    line = FixedLine(EVERY, [0.1]).read(view)

    assert {r.layer for r in floor} == {None, *(r.layer for r in shifts)}
    assert {r.function.autocast for r in (*floor, *shifts, *line)} == {(name,)}
    EXACT64.check(at(floor, 0)["gradient_norm"].value, at(line, 0)["gradient_norm"].value)
    for reading in shifts:
        if reading.quantity == "gradient_norm":
            assert at(floor, 0, reading.layer)["gradient_norm"].value == reading.value


def test_units_and_status():
    readings = NoiseFloor(EVERY).read(look("bfloat16"))

    assert {r.quantity: r.unit for r in readings} == {
        "repeat_l2": "loss / parameter",
        "repeat_relative": "1",
        "rounding_l2": "loss / parameter",
        "rounding_relative": "1",
        "gradient_norm": "loss / parameter",
    }
    assert {r.status for r in readings} == {Status.OK}


def test_in_a_training_without_autocast_nothing_is_rounded_and_no_reading_speaks_of_it():
    readings = readings_of(
        NoiseFloor(EverySteps(2)), setting("vgg", "batch"), steps=3, l2_penalty=0.0
    )

    assert {r.step for r in readings} == {0, 2}
    assert {r.value for r in readings if r.quantity != "gradient_norm"} == {0.0}
    assert not any(r.function.autocast for r in readings)


def test_where_a_gradient_vanishes_what_is_relative_to_it_says_that_it_is_no_number():
    view = look("bfloat16")
    shot = view.snapshot
    zero = {name: torch.zeros_like(p) for name, p in shot.gradient.items()}
    still = Snapshot(shot.objective, shot.before, shot.after, zero, shot.measured)

    found = at(NoiseFloor(EVERY).read(StepView(0, 0.1, view.loss, view.loss, still)), 0)

    assert found["gradient_norm"].value == 0
    assert math.isnan(found["rounding_relative"].value)
    assert found["rounding_relative"].status == Status.NONFINITE
    assert found["rounding_l2"].status == Status.OK


def test_a_step_without_a_snapshot_has_no_readings():
    assert NoiseFloor(EVERY).read(StepView(1, 0.1, torch.ones(()), torch.ones(()), None)) == []


@pytest.mark.parametrize(("name", "forward", "backward"), [("bfloat16", 3, 2), (None, 2, 1)])
def test_it_costs_two_gradients_and_the_order_of_the_layers(name, forward, backward):
    """Without autocast one gradient less, though it is declared: the floor is then no question."""
    view = look(name)
    model, inputs, targets = network()
    ahead = counted(lambda: model(inputs))
    back = counted(functional.mse_loss(model(inputs), targets).backward)
    probe = NoiseFloor(EVERY)

    taken = counted(lambda: probe.read(view))

    assert taken == forward * ahead + backward * back
    cost = probe.cost(Work.even(3, 8))
    assert cost.forward * ahead + cost.backward * back >= taken


def counted(work) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
