"""Modules and optimisers of odd classes: measured right, or refused before anything is attached."""

import re
from unittest.mock import Mock

import pytest
import torch
from tests.scope.trainings import CLASSES, FEATURES, batches, loss_fn
from torch import nn

import landscope
from landscope.errors import UsageError
from landscope.scope.observation import main_lr
from landscope.scope.scope import Scope
from landscope.scope.settings import network_of


class Lenient(nn.Module):
    """Answers None to every name that it has not."""

    answer = staticmethod(lambda _: None)

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.Linear(8, CLASSES))

    def forward(self, inputs):
        return self.net(inputs)

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return type(self).answer(name)


def mocked(name):
    if name.startswith("__"):  # of which Python itself asks
        raise AttributeError(name)
    return Mock()


class Mocking(Lenient):
    answer = staticmethod(mocked)


class ByHand:
    """An optimiser of nobody's class; its steps are followed without hooks."""

    def __init__(self, params, lr=0.1):
        self.param_groups = [{"params": list(params), "lr": lr}]

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad


class WithSlots(ByHand):
    __slots__ = ("extra",)


class Answering(ByHand):
    def __getattr__(self, name):
        return mocked(name)


class Unconstructed(torch.optim.Optimizer):
    """Of torch's class, whose constructor never runs: it has no hooks."""

    def __init__(self, params, lr=0.1):
        self.param_groups, self.state, self.defaults = [{"params": [*params], "lr": lr}], {}, {}

    step = ByHand.step


def trained(model, optimizer, *, measured):
    scope = Scope(model, loss_fn, optimizer, every=1) if measured else None
    for inputs, targets in batches(3):
        if scope:
            scope.before(inputs, targets)
        for p in model.parameters():  # torch's zero_grad asks for attributes by hasattr
            p.grad = None
        loss_fn(model(inputs), targets).backward()
        optimizer.step()
        if scope:
            scope.after()
    return scope, [p.detach().numpy().tobytes() for p in model.parameters()]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [ByHand, WithSlots, Answering, Unconstructed])
def test_an_optimizer_without_hooks_is_followed(kind):
    results = []
    for measured in (False, True):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, CLASSES))
        results.append(trained(model, kind(model.parameters()), measured=measured))

    (_, plain), (scope, watched) = results
    assert watched == plain
    assert scope.steps == 3
    assert {r.step for r in scope.readings if r.probe == "line[paper]"} == {0, 1, 2}


@pytest.mark.parametrize(
    "groups",
    [
        lambda params: [{"params": iter(params), "lr": 0.1}],
        lambda params: params,
        lambda params: {"params": params},
        lambda params: [{"parameters": params}],
        lambda params: [{"params": params[0]}],
    ],
    ids=["iterator", "no dicts", "no list", "another key", "a tensor"],
)
def test_groups_of_another_form_are_refused_and_not_used_up(groups):
    model = nn.Linear(FEATURES, CLASSES)
    optimizer = ByHand(model.parameters())
    optimizer.param_groups = given = groups(list(model.parameters()))
    text = (
        "optimizer = ByHand with other param_groups than torch's: they are a list of dicts, each "
        "with a list of its parameters under 'params'; use that form, and "
        "list(model.parameters()), because the iterator can be read only once"
    )
    with pytest.raises(UsageError, match=re.escape(text)):
        Scope(model, loss_fn, optimizer)
    if isinstance(given, list) and isinstance(given[0], dict) and "lr" in given[0]:
        assert len(list(given[0]["params"])) == 2

    optimizer.param_groups = [{"params": list(model.parameters()), "lr": 0.1}]  # as it says
    Scope(model, loss_fn, optimizer)


@pytest.mark.parametrize("kind", [Lenient, Mocking])
def test_a_module_that_answers_to_every_name_is_measured_as_any_other(kind):
    torch.manual_seed(3)
    model = kind()
    plain = nn.Sequential(*model.net)
    inputs, targets = next(batches(1))
    for measure in (landscope.noise_scale, landscope.norm_health):
        names = [name.removeprefix("net.") for name in dict(model.named_modules())]
        assert names
        found, expected = (measure(each, loss_fn, inputs, targets) for each in (model, plain))
        assert str(found).replace("net.", "") == str(expected)
    assert network_of(model) is model
    scope, _ = trained(model, torch.optim.SGD(model.parameters(), 0.1), measured=True)
    assert not [r for r in scope.readings if r.quantity == "failed"]


@pytest.mark.parametrize("kind", [Lenient, Mocking])
def test_norms_in_it_are_replaced_and_put_in(kind):
    assert isinstance(landscope.replace_norms(kind(), "layer").net[1], nn.LayerNorm)
    inputs, _ = next(batches(1))

    class Linear(nn.Linear):
        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return kind.answer(name)

    model = nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, CLASSES))
    model[0].__class__ = Linear  # its constructor would find its weight there already
    made = landscope.replace_norms(model, "layer", insert=True, example=inputs)
    assert [name for name, _ in made[0].named_children()] == ["norm"]


def test_a_model_without_values_is_refused_before_the_training():
    model = nn.BatchNorm1d(3).to("meta")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(UsageError, match="the parameter 'weight' is on the meta device"):
        Scope(model, loss_fn, optimizer)
    model.weight, model.bias = (nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(UsageError, match="the buffer 'running_mean' is on the meta device"):
        Scope(model, loss_fn, optimizer)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [((0.0, 0.1), 0.1), ((0.3, 0.1), 0.3), ((0.0, 0.0), 0.0), ((torch.tensor(0.0), 0.2), 0.2)],
)
def test_the_learning_rate_is_that_of_the_largest_group_that_moves(rates, expected):
    large, small = nn.Linear(4, 4), nn.Linear(4, 1)
    groups = [
        {"params": m.parameters(), "lr": lr} for m, lr in zip((large, small), rates, strict=True)
    ]
    assert main_lr([torch.optim.SGD(groups)]) == expected
