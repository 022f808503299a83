"""The noise scale's probe: the estimates of each look, and their quotient over the looks so far."""

import math

import pytest
import torch
from torch import nn

from landscope.errors import UsageError
from landscope.measures.noise_scale import noise_scale
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.probes.noise_scale import NoiseScale
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import Snapshot, StepView
from landscope.reading import OWN_BATCH, Provenance, Status

EVERY = EverySteps(1)

MEASURED = Provenance(mode="training", batch=OWN_BATCH)


class Offset(nn.Module):
    """One number, 0: a sample's gradient is minus its target."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(1).double())

    def forward(self, inputs):
        return self.offset.expand(len(inputs))


def half_square(outputs, targets):
    return (outputs - targets).square().mean() / 2


def read(probe, *targets, step=0):
    values = torch.tensor(targets).double()
    objective = Objective.now(Offset(), half_square, values, values)
    point = trainable(objective.model)
    loss, data_loss, gradient = objective.gradient(point)
    shot = Snapshot(objective, point, point, gradient, MEASURED)
    readings = probe.read(StepView(step, 0.1, loss, data_loss, shot))
    return {reading.quantity: reading for reading in readings}


def values(readings):
    return {quantity: reading.value for quantity, reading in readings.items()}


def test_a_look_by_hand():
    # Gradients -1 and -3: their mean's square 4, the mean of the squares 5; the inner product 3.
    found = read(NoiseScale(EVERY), 1.0, 3.0)

    assert values(found) == pytest.approx(
        {
            "gradient_square": 3.0,
            "gradient_variance": 2.0,
            "batch_size": 2.0,
            "noise_scale": 2 / 3,
            "efficiency": 0.75,
        }
    )
    assert {reading.unit for reading in found.values()} == {"(loss / parameter)^2", "samples", "1"}
    assert {reading.status for reading in found.values()} == {Status.OK}
    assert all("the step's own batch, loss without" in str(r.function) for r in found.values())


def test_a_look_is_that_of_the_public_function():
    targets = torch.tensor([1.0, 3.0, -2.0, 0.5, 4.0]).double()
    found = read(NoiseScale(EVERY), *targets.tolist())
    expected = noise_scale(Offset(), half_square, targets, targets)

    assert found["gradient_square"].value == expected.gradient_square
    assert found["noise_scale"].value == pytest.approx(expected.noise_scale, rel=1e-14)


def test_signal_and_noise_are_averaged_each_before_they_are_divided():
    probe = NoiseScale(EVERY, decay=0.5)
    read(probe, 1.0, 3.0)  # 3 and 2
    read(probe, 2.0, 2.0)  # 4 and 0
    found = read(probe, 1.0, 2.0)  # 2 and 1/2

    # Weights 1/4, 1/2 and 1.
    signal, noise = 3 / 4 + 4 / 2 + 2, 2 / 4 + 0 / 2 + 1 / 2
    assert found["gradient_square"].value == pytest.approx(2.0)
    assert found["noise_scale"].value == pytest.approx(noise / signal)
    assert found["efficiency"].value == pytest.approx(1 / (1 + noise / signal / 2))


def test_an_estimate_of_the_wrong_sign_is_told_and_gives_no_quotient_until_others_outweigh_it():
    probe = NoiseScale(EVERY)
    # Gradients of opposite signs: signal -1.
    early = read(probe, 1.0, -1.0)

    assert early["gradient_square"].value == -1.0
    assert early["gradient_square"].status is Status.UNRESOLVED
    for quantity in ("noise_scale", "efficiency"):
        assert math.isnan(early[quantity].value)
        assert early[quantity].status is Status.UNCONVERGED

    later = read(probe, 3.0, 3.0)  # 9 and 0; then signal 9 - 0.9, noise 0.9 * 2

    assert later["noise_scale"].value == pytest.approx(0.9 * 2 / (9 - 0.9))
    assert later["noise_scale"].status is Status.OK


def test_a_look_that_overflows_says_so_and_is_left_out_of_the_averages():
    probe = NoiseScale(EVERY)
    read(probe, 1.0, 3.0)
    found = read(probe, 1e200, 1e200)

    assert found["noise_scale"].status is Status.NONFINITE
    assert found["gradient_square"].status is Status.NONFINITE
    assert read(probe, 1.0, 3.0)["noise_scale"].value == pytest.approx(2 / 3)


def test_no_snapshot_no_readings():
    assert NoiseScale(EVERY).read(StepView(0, 0.1, torch.ones(()), torch.ones(()), None)) == []


@pytest.mark.parametrize("decay", [-0.1, 1.0, math.nan])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(
        UsageError, match=f"decay = {decay}: it is the weight of the earlier measurements"
    ):
        NoiseScale(EVERY, decay)
