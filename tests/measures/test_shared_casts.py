"""Under autocast a weight that is used again has one cast, as in a training step."""

import math

import pytest
import torch
from tests.measures.networks import classes, gaussian
from tests.tolerances import EXACT64
from torch import nn
from torch.nn import functional

from landscope.measures.covariate_shift import shift_of_layers
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable


class AgainBehindAnIsland(nn.Module):
    """Its middle layer is used on both sides of what is computed in full precision."""

    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        hidden = torch.tanh(self.middle(torch.tanh(self.first(x))))
        with torch.autocast("cpu", enabled=False):
            hidden = torch.sin(hidden.float())
        return self.last(torch.tanh(self.middle(hidden)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_shift_behind_an_island_is_the_difference_of_two_training_steps(dtype):
    """Their gradients add up in the reduced type, within one cast."""
    inputs, targets = gaussian(16, 6).float(), classes(16)
    after = {n: p.detach() + 0.1 * torch.ones_like(p) for n, p in made().named_parameters()}
    still = step((), after, inputs, targets, dtype)

    with torch.autocast("cpu", dtype=dtype):
        model = made()
        objective = Objective.now(model, functional.cross_entropy, inputs, targets)
        inside = shift_of_layers(objective, trainable(model), after, gradient=still)
    # As a probe looks: after the step, when its block has ended.
    shifts = shift_of_layers(objective, trainable(model), after, gradient=still)

    assert shifts == inside
    earlier = []
    for shift in shifts:
        moved = step(earlier, after, inputs, targets, dtype)
        own = [f"{shift.layer}.weight", f"{shift.layer}.bias"]
        squares = sum((still[n] - moved[n]).double().square().sum().item() for n in own)
        EXACT64.check(shift.l2, math.sqrt(squares))
        earlier += own


def made():
    torch.manual_seed(0)
    return AgainBehindAnIsland()


def step(moved, after, inputs, targets, dtype):
    model = made()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in moved:
                p.copy_(after[name])
    with torch.autocast("cpu", dtype=dtype):
        loss = functional.cross_entropy(model(inputs), targets)
    loss.backward()
    return {name: p.grad for name, p in model.named_parameters()}
