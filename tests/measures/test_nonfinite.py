"""What is not a number reads as not a number: never as an exception, never as a plausible one."""

import math

import pytest
import torch
from tests.measures.networks import build
from torch import nn

import landscope
from landscope.measures.covariate_shift import shift_of_layers
from landscope.measures.line import landscape_along
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable


def nan_loss(outputs, targets):
    return outputs.sum() * math.nan


def shifts(after_factor):
    case = build("plain mlp")
    after = {n: t * after_factor for n, t in case.parameters_after_a_step().items()}
    return landscope.covariate_shift(
        case.model, case.loss_fn, case.inputs, case.targets, after=after
    )


def test_a_line_that_runs_into_infinity_has_no_band_and_no_beta():
    case = build("plain mlp")

    found = landscope.line(case.model, case.loss_fn, case.inputs, case.targets, etas=[0.1, 1e308])

    assert math.isfinite(found.losses[0])
    assert math.isfinite(found.betas[0])
    assert not math.isfinite(found.losses[1])
    assert not math.isfinite(found.betas[1])
    assert not math.isfinite(found.effective_beta)
    assert not math.isfinite(found.loss_band[1])
    assert not math.isfinite(found.change_band[1])


@pytest.mark.parametrize("order", [[0.1, 2.0], [2.0, 0.1]])
def test_one_nan_on_the_grid_makes_the_bands_nan_wherever_it_stands(order):
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(2).double())

        def forward(self, _):
            return self.w

    model = Root()
    direction = {"w": torch.ones(2).double()}

    found = landscope.line(
        model,
        lambda outputs, _: outputs.log().sum(),
        torch.ones(1),
        torch.ones(1),
        etas=order,
        direction=direction,
    )

    assert sum(math.isnan(loss) for loss in found.losses) == 1
    assert all(map(math.isnan, found.loss_band))


def test_a_step_to_nan_gives_no_shift_and_no_cosine():
    first, *later = shifts(math.nan)

    assert first.l2 == 0.0
    for layer in later:
        assert math.isnan(layer.l2)
        assert math.isnan(layer.relative)
        assert math.isnan(layer.cosine)
        assert math.isfinite(layer.gradient_norm)


def test_a_diverging_run_gets_numbers_that_say_so_where_the_caller_has_not_been_refused():
    case = build("plain mlp")
    objective = Objective.now(case.model, nan_loss, case.inputs, case.targets)
    point = trainable(case.model)

    found = landscape_along(objective, point, etas=[0.1, 0.2])
    _, _, gradient = objective.gradient(point)
    layers = shift_of_layers(objective, point, case.parameters_after_a_step(), gradient=gradient)

    numbers = [*found.losses, *found.gradient_changes, *found.betas, found.effective_beta]
    numbers += [found.start_loss, found.gradient_norm, *found.loss_band, *found.change_band]
    assert all(map(math.isnan, numbers))
    for layer in layers:
        assert math.isnan(layer.gradient_norm)
        assert math.isnan(layer.relative)
        assert math.isnan(layer.cosine)
