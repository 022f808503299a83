"""Loops of further kinds, beside those of the recipes: measured, and trained as without a scope."""

import pytest
import torch
from tests.tolerances import FLOAT32
from tests.without_scope import NoScope, bytes_of_networks
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import landscope

BLOCKS = 8


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def batches():
    for _ in range(BLOCKS):
        yield torch.randn(16, 8), torch.randint(3, (16,))


def new_tensors_by_hand(scope_of):
    """Each update gives the parameters other tensors, and nothing lies in .grad."""
    model = network()
    scope = scope_of(model, cross_entropy, None)
    for inputs, targets in batches():
        with scope.step(inputs, targets):
            own = list(model.parameters())
            gradients = torch.autograd.grad(cross_entropy(model(inputs), targets), own)
            for parameter, gradient in zip(own, gradients, strict=True):
                parameter.data = parameter.data - 0.1 * gradient
    return model, scope


def a_state_loaded(scope_of):
    model = network()
    scope = scope_of(model, cross_entropy, None)
    for inputs, targets in batches():
        with scope.step(inputs, targets):
            model.zero_grad()
            cross_entropy(model(inputs), targets).backward()
            moved = {name: (p - 0.1 * p.grad).detach() for name, p in model.named_parameters()}
            model.load_state_dict({**model.state_dict(), **moved})
    return model, scope


def by_hand_without_a_block(scope_of):
    model = network()
    scope = scope_of(model, cross_entropy, None)
    for inputs, targets in batches():
        scope.before(inputs, targets)
        model.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.sub_(parameter.grad, alpha=0.1)
        scope.after()
    return model, scope


def an_optimizer_that_steps_every_other_time(scope_of):
    model = network()
    own = list(model.parameters())
    often, seldom = torch.optim.SGD(own[:2], lr=0.1), torch.optim.AdamW(own[2:], lr=0.01)
    scope = scope_of(model, cross_entropy, [often, seldom])
    for number, (inputs, targets) in enumerate(batches()):
        with scope.step(inputs, targets):
            cross_entropy(model(inputs), targets).backward()
            for optimizer in (often, seldom) if number % 2 else (often,):
                optimizer.step()
                optimizer.zero_grad()
    return model, scope


class SAM(torch.optim.SGD):
    """As it is most often written: an optimiser with two steps, the disturbance for each tensor."""

    @torch.no_grad()
    def first_step(self):
        self.own = [p for group in self.param_groups for p in group["params"]]
        self.before = [p.clone() for p in self.own]
        for p in self.own:
            p.add_(0.05 * p.grad / p.grad.norm())
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for p, before in zip(self.own, self.before, strict=True):
            p.copy_(before)
        self.step()
        self.zero_grad()


def sharpness_aware_by_a_class(scope_of):
    model = network()
    optimizer = SAM(model.parameters(), lr=0.1)
    scope = scope_of(model, cross_entropy, optimizer)
    for inputs, targets in batches():
        with scope.step(inputs, targets):
            cross_entropy(model(inputs), targets).backward()
            optimizer.first_step()
            cross_entropy(model(inputs), targets).backward()
            optimizer.second_step()
    return model, scope


def a_mean_teacher(scope_of):
    """The loss closes over a network that follows the trained one, within the block."""
    model, teacher = network(), network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loss_fn(model, batch):
        inputs, targets = batch
        with torch.no_grad():
            taught = teacher(inputs)
        outputs = model(inputs)
        return cross_entropy(outputs, targets) + mse_loss(outputs, taught)

    scope = scope_of(model, loss_fn, optimizer)
    for batch in batches():
        with scope.step(batch):
            optimizer.zero_grad()
            loss_fn(model, batch).backward()
            optimizer.step()
            with torch.no_grad():
                for kept, parameter in zip(teacher.parameters(), model.parameters(), strict=True):
                    kept.lerp_(parameter, 0.1)
    return nn.ModuleList([model, teacher]), scope


@pytest.mark.parametrize(
    "loop",
    [
        new_tensors_by_hand,
        a_state_loaded,
        by_hand_without_a_block,
        an_optimizer_that_steps_every_other_time,
        sharpness_aware_by_a_class,
        a_mean_teacher,
    ],
)
def test_it_is_measured_and_trains_as_without_a_scope(loop):
    found, scope = loop(lambda *training: landscope.Scope(*training, every=2))
    expected, _ = loop(NoScope)

    assert scope.steps == BLOCKS
    agreed = [reading.value for reading in scope.readings if reading.quantity == "agreement"]
    FLOAT32.check(agreed, [1.0] * (BLOCKS // 2))
    assert {"gradient", "update", "step_size"} <= {reading.probe for reading in scope.readings}
    assert "loss-not-trained" not in {finding.id for finding in scope.findings()}
    assert bytes_of_networks({"model": found}) == bytes_of_networks({"model": expected})
