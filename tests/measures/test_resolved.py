"""Steps that the type of the parameters cannot hold: found before they are measured."""

import copy
import math

import pytest
import torch
from torch import nn

import landscope
from landscope.objective.objective import Objective
from landscope.objective.parameters import LOST, displaced, resolved, trainable
from landscope.testing.tolerances import EXACT64

WEIGHTS = torch.linspace(0.5, 1.5, 40, dtype=torch.float64)
ALONG = torch.linspace(-1.0, 2.0, 40, dtype=torch.float64)


def share_lost(kind, eta):
    """By hand, in float64."""
    weights, along = WEIGHTS.to(kind), ALONG.to(kind)
    made = weights.double() - (weights - eta * along).double()
    return float((made - eta * along.double()).norm() / (eta * along.double()).norm())


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_a_step_is_resolved_where_rounding_takes_little_of_it(kind):
    etas = [10.0**power for power in range(-18, 1)]
    expected = tuple(share_lost(kind, eta) <= LOST for eta in etas)
    found = resolved({"w": WEIGHTS.to(kind)}, {"w": ALONG.to(kind)}, etas)

    assert found == expected
    assert True in expected
    assert False in expected


def test_complex_weights_and_weights_of_two_types():
    point = {"c": torch.ones(3, dtype=torch.complex64), "h": torch.ones(3).bfloat16()}
    still = {"c": torch.ones(3, dtype=torch.complex64), "h": torch.zeros(3).bfloat16()}

    assert resolved(point, still, [1e-3, 1e-9]) == (True, False)
    assert resolved(point, {**still, "h": torch.ones(3).bfloat16()}, [1e-3]) == (False,)


def test_what_overflows_and_what_does_not_move_is_left_to_the_loss():
    half = {"w": torch.ones(3).half()}

    assert resolved(half, {"w": torch.full((3,), 6e4).half()}, [1.0, 1e4]) == (True, True)
    assert resolved(half, {"w": torch.zeros(3).half()}, [1.0]) == (True,)


def square(outputs, _):
    return outputs.float().square().sum()


class Weights(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.w = nn.Parameter(WEIGHTS.to(kind))

    def forward(self, _):
        return self.w


NOTHING = torch.zeros(1)


def test_no_pass_is_spent_on_a_lost_step_and_its_row_is_not_a_number():
    model, calls = Weights(torch.bfloat16), []

    def counted(outputs, targets):
        calls.append(1)
        return square(outputs, targets)

    found = landscope.line(model, counted, NOTHING, NOTHING, etas=[1e-7, 0.25])

    assert len(calls) == 2  # at the start, and at 0.25
    assert found.resolved == (False, True)
    assert all(map(math.isnan, (found.losses[0], found.betas[0], found.effective_beta)))
    assert math.isnan(found.gradient_changes[0])
    EXACT64.check(found.betas[1], 2.0)  # of sum w^2, in numbers that bfloat16 holds


def test_multiples_that_are_lost_are_passed_over():
    """Of an update of one unit in the last place, a quarter is nothing, and the whole is exact."""
    model = Weights(torch.bfloat16)
    with torch.no_grad():
        model.w.fill_(1.0)
    update = {"w": torch.full((40,), 2.0**-8, dtype=torch.bfloat16)}
    found = landscope.step_size(
        model, square, NOTHING, NOTHING, update=update, lr=0.1, multiples=[0.25, 1.0, 2.0]
    )

    assert found.resolved == (False, True, True)
    assert math.isnan(found.losses[0])
    assert found.safe_multiple == 2.0
    lost = landscope.step_size(
        model, square, NOTHING, NOTHING, update=update, lr=0.1, multiples=[0.1, 0.2]
    )
    assert math.isnan(lost.safe_multiple)
    assert math.isnan(lost.safe_lr)


def test_the_floor_of_rounding_of_weights_in_bfloat16_is_not_zero_but_unknown():
    torch.manual_seed(0)
    inputs = torch.randn(6, 4)

    class Mixed(nn.Module):
        def __init__(self, first):
            super().__init__()
            self.first, self.second = nn.Linear(4, 8).to(first), nn.Linear(8, 2)

        def forward(self, x):
            return self.second(self.first(x.to(self.first.weight.dtype)).float())

    low, full = Mixed(torch.bfloat16), Mixed(torch.float32)
    found = landscope.noise_floor(low, square, inputs, NOTHING)
    assert [math.isnan(layer.rounding) for layer in found.layers] == [True, False]
    assert math.isnan(found.rounding)
    assert landscope.noise_floor(full, square, inputs, NOTHING).rounding == 0.0


def test_anomaly_detection_is_off_within_a_measurement_and_on_again_after_it():
    class Logs(Weights):
        def forward(self, _):
            seen.append(torch.is_anomaly_enabled())
            return self.w.log()

    seen = []
    model = Logs(torch.float64)
    plain = landscope.line(model, square, NOTHING, NOTHING, etas=[0.01, 10.0])
    with torch.autograd.set_detect_anomaly(mode=True, check_nan=False):
        found = landscope.line(model, square, NOTHING, NOTHING, etas=[0.01, 10.0])
        assert torch.is_anomaly_enabled()
        assert not torch.is_anomaly_check_nan_enabled()

    assert repr(found) == repr(plain)
    assert math.isnan(found.losses[1])
    assert not any(seen)
    assert not torch.is_anomaly_enabled()


@pytest.mark.parametrize("name", ["covariate_shift", "noise_floor", "batch_norm_theory"])
def test_no_other_measurement_is_stopped_by_it(name):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    after = {n: p.detach() * math.inf for n, p in model.named_parameters()}
    given = {"after": after} if name == "covariate_shift" else {}

    def measured():
        twin = copy.deepcopy(model)
        return repr(getattr(landscope, name)(twin, square, torch.ones(6, 4), NOTHING, **given))

    plain = measured()
    with torch.autograd.set_detect_anomaly(mode=True):
        assert measured() == plain


def test_a_displacement_is_that_of_the_passes():
    """``resolved`` must ask about the very tensors that a pass is given."""
    point, along = {"w": WEIGHTS.bfloat16()}, {"w": ALONG.bfloat16()}
    objective = Objective.now(Weights(torch.bfloat16), square, NOTHING, NOTHING)
    there = displaced(point, along, 0.01)

    loss, _, _ = objective.gradient(trainable(objective.model), direction=along, eta=0.01)
    assert float(loss) == float(square(there["w"], None))
