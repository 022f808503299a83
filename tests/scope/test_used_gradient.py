"""What an optimiser is said to have used: of its own parameters, and only where that is known."""

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for

from landscope.scope.scope import Scope


def agreements(scope):
    return [r.value for r in scope.readings if r.key == "gradient/agreement"]


def train(model, optimizer, *, zero=None, step=None, **settings):
    scope = Scope(model, loss_fn, optimizer, every=1, **settings)
    for inputs, targets in batches(6):
        with scope.step(inputs, targets):
            (zero or optimizer.zero_grad)()
            loss_fn(model(inputs), targets).backward()
            (step or optimizer.step)()
    return scope


def test_gradients_of_parameters_that_it_does_not_have_are_not_its_own():
    """As where only a head is tuned: what `zero_grad` does not reach adds up."""
    model = network(Kind())
    scope = train(model, torch.optim.SGD(model[-1].parameters(), lr=0.1))

    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 6
    assert "loss-not-trained" not in [finding.id for finding in scope.findings()]


@pytest.mark.parametrize("norm_mode", ["frozen", "running"])
def test_another_function_by_choice_is_not_called_another_loss(norm_mode):
    model = network(Kind())
    scope = train(model, optimizer_for(Kind(), model), norm_mode=norm_mode)

    assert agreements(scope) == []
    assert "loss-not-trained" not in [finding.id for finding in scope.findings()]


def test_of_an_optimiser_without_hooks_nothing_is_known():
    class Plain:
        """What an optimiser must have, and no more."""

        def __init__(self, parameters) -> None:
            self.param_groups = [{"params": list(parameters), "lr": 0.1}]

        def zero_grad(self):
            for parameter in self.param_groups[0]["params"]:
                parameter.grad = None

        @torch.no_grad()
        def step(self):
            for parameter in self.param_groups[0]["params"]:
                parameter -= 0.1 * parameter.grad

    model = network(Kind())
    scope = train(model, Plain(model.parameters()))
    assert scope.steps == 6
    assert agreements(scope) == []


def test_a_closure_may_be_called_with_arguments():
    class Asking(torch.optim.SGD):
        def step(self, closure):
            loss = closure(True, again=False)
            super().step()
            return loss

        def __call__(self):
            """An optimiser may be callable, and is no closure."""

    model = network(Kind())
    optimizer = Asking(model.parameters(), lr=0.1)
    scope = Scope(model, loss_fn, optimizer, every=1)
    for inputs, targets in batches(4):

        def closure(backward, again, inputs=inputs, targets=targets):
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), targets)
            if backward and not again:
                loss.backward()
            return loss

        with scope.step(inputs, targets):
            optimizer.step(closure)
    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 4
