"""What an optimiser is said to have used: of its own parameters, and only where that is known."""

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for
from torch import nn

from landscope.scope.scope import Scope


def agreements(scope):
    return [r.value for r in scope.readings if r.key == "gradient/agreement"]


def values(scope, quantity):
    return [r.value for r in scope.readings if r.key == f"gradient/{quantity}"]


def about_the_gradient(scope):
    """Findings that say that the training's gradient is another one."""
    names = {"loss-not-trained", "gradient-scaled", "gradient-changed", "gradient-clipped"}
    return {(f.id, f.severity) for f in scope.findings() if f.id in names}


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


def test_of_an_optimiser_without_hooks_only_the_backward_pass_is_known():
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
    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 6
    assert values(scope, "used_gradient_norm") == []


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


def test_a_gradient_taken_at_other_weights_is_no_other_loss():
    """As sharpness-aware minimisation does it on its base optimiser."""
    model = network(Kind(norm="layer"))
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = Scope(model, loss_fn, base, every=1, probes="cheap")
    for inputs, targets in batches(6):
        with scope.step(inputs, targets):
            base.zero_grad()
            loss_fn(model(inputs), targets).backward()
            climb = [2.0 * p.grad.sign() for p in model.parameters()]
            with torch.no_grad():
                for p, c in zip(model.parameters(), climb, strict=True):
                    p.add_(c)
            base.zero_grad()
            loss_fn(model(inputs), targets).backward()
            with torch.no_grad():
                for p, c in zip(model.parameters(), climb, strict=True):
                    p.sub_(c)
            base.step()

    assert agreements(scope) == [pytest.approx(1.0, abs=1e-5)] * 6
    assert about_the_gradient(scope) == {("gradient-changed", "info")}
    assert "Sharpness-aware" in str(scope.findings())


def test_gradients_left_over_are_named():
    model = network(Kind())
    scope = train(model, torch.optim.SGD(model.parameters(), lr=1e-3), zero=lambda: None)

    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 6
    assert values(scope, "left_over") == [0.0] + [1.0] * 5
    assert ("gradient-changed", "warning") in about_the_gradient(scope)
    assert "zero_grad()" in str(scope.findings())


@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_that_are_cleared_are_not_left_over(set_to_none):
    model = network(Kind())
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scope = train(model, optimizer, zero=lambda: optimizer.zero_grad(set_to_none))
    assert values(scope, "left_over") == [0.0] * 6
    assert about_the_gradient(scope) == set()


@pytest.mark.parametrize("factor", [lambda _: 3.0, lambda n: 1.0 / (n + 2)], ids=["one", "varied"])
def test_a_loss_that_is_a_multiple_is_no_clipping(factor):
    """By one factor, as a sum for a mean, or by one that varies, as with counts of tokens."""
    model = network(Kind())
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
    factors = [factor(number) for number in range(6)]
    for (inputs, targets), scale in zip(batches(6), factors, strict=True):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            (scale * loss_fn(model(inputs), targets)).backward()
            optimizer.step()
    assert values(scope, "gradient_scale") == pytest.approx(factors, rel=1e-5)
    assert about_the_gradient(scope) == {("gradient-scaled", "warning")}


@pytest.mark.parametrize("together", [False, True], ids=["one of them", "both"])
def test_two_optimisers_of_one_network(together):
    model = network(Kind())
    first = torch.optim.SGD(model[0].parameters(), lr=0.01)
    others = [p for n, p in model.named_parameters() if not n.startswith("0.")]
    second = torch.optim.AdamW(others, lr=1e-3)
    scope = Scope(model, loss_fn, [first, second] if together else first, every=1, probes="cheap")
    for inputs, targets in batches(6):
        with scope.step(inputs, targets):
            model.zero_grad()
            loss_fn(model(inputs), targets).backward()
            whole = nn.utils.get_total_norm([p.grad for p in model.parameters()]).item()
            own = nn.utils.get_total_norm([p.grad for p in model[0].parameters()]).item()
            first.step()
            second.step()

    assert values(scope, "used_gradient_norm")[-1] == pytest.approx(whole if together else own)
    assert values(scope, "used_scale") == [pytest.approx(1.0)] * 6
    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 6
    assert about_the_gradient(scope) == set()
    assert scope.steps == 6


def test_each_of_two_optimisers_is_asked_when_it_steps():
    """The second's gradients are clipped between the steps of the two."""
    model = network(Kind())
    first = torch.optim.SGD(model[0].parameters(), lr=0.01)
    others = [p for n, p in model.named_parameters() if not n.startswith("0.")]
    second = torch.optim.SGD(others, lr=0.01)
    scope = Scope(model, loss_fn, (first, second), every=1, probes="cheap")
    for inputs, targets in batches(4):
        with scope.step(inputs, targets):
            model.zero_grad()
            loss_fn(model(inputs), targets).backward()
            own = nn.utils.get_total_norm([p.grad for p in model[0].parameters()]).item()
            first.step()
            nn.utils.clip_grad_norm_(others, 1e-3)
            second.step()
    assert values(scope, "used_gradient_norm")[-1] == pytest.approx((own**2 + 1e-6) ** 0.5)


@pytest.mark.parametrize("by", ["backward", "autograd.grad"])
def test_updates_by_hand(by):
    model = network(Kind())
    scope = Scope(model, loss_fn, None, every=1, probes=["gradient", "update", "step_size"])
    expected = []
    for inputs, targets in batches(4):
        with scope.step(inputs, targets):
            loss = loss_fn(model(inputs), targets)
            parameters = list(model.parameters())
            if by == "backward":
                model.zero_grad()
                loss.backward()
                gradients = [p.grad for p in parameters]
            else:
                gradients = torch.autograd.grad(loss, parameters)
            expected.append(0.05 * nn.utils.get_total_norm(gradients).item())
            with torch.no_grad():
                for p, g in zip(parameters, gradients, strict=True):
                    p -= 0.05 * g

    assert scope.steps == 4
    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 4
    norms = [r.value for r in scope.readings if r.key == "update/update_norm"]
    assert norms == pytest.approx(expected, rel=1e-4)
    # The rate is nowhere to be read; of an update along the gradient it is their quotient.
    rates = [r.value for r in scope.readings if r.key == "step_size/lr"]
    assert rates == pytest.approx([0.05] * 4, rel=1e-4)


def test_an_optimiser_that_steps_within_the_backward_pass():
    model = network(Kind())
    optimizers = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}

    def step(parameter):
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(step)
    scope = Scope(model, loss_fn, list(optimizers.values()), every=1, probes="cheap")
    losses = []
    for inputs, targets in batches(4):
        with scope.step(inputs, targets):
            loss = loss_fn(model(inputs), targets)
            losses.append(loss.item())
            loss.backward()
    assert [r.value for r in scope.readings if r.key == "gradient/loss"] == losses
    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 4
    assert about_the_gradient(scope) == set()


def clamped(gradient):
    return gradient.clamp(-0.01, 0.01)


def masked(gradient):
    return gradient * (torch.arange(gradient.numel()).reshape(gradient.shape) % 3 > 0)


def shifted(gradient):
    return gradient - 2 * gradient.mean(0)


@pytest.mark.parametrize("changed", [clamped, masked, shifted])
def test_hooks_of_the_users_own_that_change_the_gradient_are_no_other_loss(changed):
    model = network(Kind())
    for parameter in model.parameters():
        parameter.register_hook(changed)
    scope = train(model, optimizer_for(Kind(), model))

    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 6
    assert values(scope, "gradient_scale") == [pytest.approx(1.0, abs=1e-6)] * 6
    assert about_the_gradient(scope) == {("gradient-changed", "info")}


def test_hooks_of_the_users_own_see_the_gradients_that_they_would_have_seen():
    def seen(*, scoped):
        model, order = network(Kind()), []
        for number, parameter in enumerate(model.parameters()):
            parameter.register_hook(lambda g, n=number: order.append((n, g.sum().item())))
            parameter.register_post_accumulate_grad_hook(lambda _, n=number: order.append(n))
        optimizer = optimizer_for(Kind(), model)
        if scoped:
            train(model, optimizer)
        else:
            for inputs, targets in batches(6):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()
        return order

    assert seen(scoped=True) == seen(scoped=False)


def test_an_inner_derivative_by_the_weights_is_not_taken_for_the_backward_pass():
    """A penalty on the gradient: the pass that gives it adds nothing to .grad."""

    def penalised(model, batch):
        loss = loss_fn(model(batch[0]), batch[1])
        slopes = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        return loss + 0.05 * sum(slope.square().sum() for slope in slopes)

    model = network(Kind(norm="layer"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = Scope(model, penalised, optimizer, every=1, probes=["gradient"])
    for batch in batches(6):
        with scope.step(batch):
            optimizer.zero_grad()
            penalised(model, batch).backward()
            optimizer.step()

    assert agreements(scope) == [pytest.approx(1.0, abs=1e-9)] * 6
    assert values(scope, "gradient_scale") == [pytest.approx(1.0, abs=1e-6)] * 6
    assert about_the_gradient(scope) == set()
