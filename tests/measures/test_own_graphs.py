"""Losses that differentiate by the weights themselves: meta-learning, penalties on the gradient."""

import copy

import pytest
import torch
from tests.tolerances import EXACT64
from torch import nn
from torch.func import functional_call, grad_and_value
from torch.nn.functional import mse_loss

import landscope


def one_step_ahead(model, batch):
    """The loss after a step of gradient descent: MAML, Finn et al. 2017."""
    inputs, targets = batch
    weights = dict(model.named_parameters())
    loss = mse_loss(functional_call(model, weights, (inputs,)), targets)
    slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    pairs = zip(weights.items(), slopes, strict=True)
    ahead = {name: weight - 0.1 * slope for (name, weight), slope in pairs}
    return mse_loss(functional_call(model, ahead, (inputs.flip(0),)), targets.flip(0))


def with_its_own_gradient(model, batch):
    """Implicit gradient regularisation: Barrett and Dherin 2021."""
    inputs, targets = batch
    loss = mse_loss(model(inputs), targets)
    slopes = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    return loss + 0.1 * sum(slope.square().sum() for slope in slopes)


def functionally(model, batch):
    inputs, targets = batch

    def loss_at(weights):
        return mse_loss(functional_call(model, weights, (inputs,)), targets)

    slopes, loss = grad_and_value(loss_at)(dict(model.named_parameters()))
    return loss + 0.1 * sum(slope.square().sum() for slope in slopes.values())


LOSSES = [one_step_ahead, with_its_own_gradient, functionally]


def network():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).double()


def batch():
    return torch.randn(8, 4).double(), torch.randn(8, 2).double()


@pytest.mark.parametrize("loss_fn", LOSSES)
def test_a_line_is_that_of_copies_of_the_model(loss_fn):
    model, given = network(), batch()

    line = landscope.line(model, loss_fn, given, etas=[0.05, 0.2])

    start = copy.deepcopy(model)
    loss_fn(start, given).backward()
    for eta, loss in zip(line.etas, line.losses, strict=True):
        there = copy.deepcopy(model)
        for p, at_start in zip(there.parameters(), start.parameters(), strict=True):
            p.data -= eta * at_start.grad
        EXACT64.check(loss, loss_fn(there, given).item())


@pytest.mark.parametrize("loss_fn", LOSSES)
def test_a_shift_is_that_of_copies_of_the_model(loss_fn):
    model, given = network(), batch()
    after = {name: p.detach() * 1.1 + 0.05 for name, p in model.named_parameters()}

    first, second = landscope.covariate_shift(model, loss_fn, given, after=after)

    start, moved = copy.deepcopy(model), copy.deepcopy(model)
    moved.load_state_dict({**after, "2.weight": model[2].weight, "2.bias": model[2].bias})
    for each in (start, moved):
        loss_fn(each, given).backward()
    gaps = [
        p.grad - q.grad for p, q in zip(moved[2].parameters(), start[2].parameters(), strict=True)
    ]
    assert (first.layer, first.l2, second.layer) == ("0", 0.0, "2")
    EXACT64.check(second.l2, sum(gap.square().sum() for gap in gaps).sqrt().item())


@pytest.mark.parametrize("loss_fn", LOSSES)
def test_all_probes_read_them_and_leave_no_trace(loss_fn):
    def train(scope_of):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        scope = scope_of(model, optimizer)
        torch.manual_seed(1)
        for _ in range(4):
            given = batch()
            if scope:
                scope.before(given)
            optimizer.zero_grad()
            loss_fn(model, given).backward()
            optimizer.step()
            if scope:
                scope.after()
        return scope, [p.numpy(force=True).tobytes() for p in model.parameters()]

    _, plain = train(lambda *_: None)
    scope, measured = train(lambda *given: landscope.Scope(given[0], loss_fn, given[1], every=1))

    assert measured == plain
    failed = {r.layer: str(r.function) for r in scope.readings if r.quantity == "failed"}
    assert failed == {}
    assert sorted(scope.findings().measured.values())[1:] == [4] * 7
    EXACT64.check([r.value for r in scope.readings if r.quantity == "agreement"], [1.0] * 4)
