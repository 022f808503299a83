"""Models that write, in their forward pass, on weights that need no gradient: momentum encoders."""

import copy

import pytest
import torch
from tests.tolerances import FLOAT32
from torch import nn
from torch.nn.functional import cross_entropy

import landscope


def assigned(key, query):
    key.data = 0.9 * key.data + 0.1 * query.data  # as MoCo does


def in_place(key, query):
    key.lerp_(query, 0.1)


def in_place_of_data(key, query):
    key.data.mul_(0.9).add_(query.data, alpha=0.1)


def swallowed(key, query):
    try:
        key.lerp_(query, 0.1)
    except Exception:
        key.zero_()


def untouched(key, query):
    pass


class Momentum(nn.Module):
    """A network with a second one that follows it, as they do in contrastive learning."""

    def __init__(self, follow, *, norm=True, only_in=None, every=1):
        super().__init__()
        torch.manual_seed(3)
        parts = [nn.Linear(6, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.Linear(8, 3)]
        self.query = nn.Sequential(*parts)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.follow, self.only_in, self.every, self.calls = follow, only_in, every, 0

    def forward(self, inputs):
        self.calls += 1
        if self.only_in in (None, self.training) and self.calls % self.every == 0:
            with torch.no_grad():
                for key, query in zip(self.key.parameters(), self.query.parameters(), strict=True):
                    self.follow(key, query)
        with torch.no_grad():
            keys = self.key(inputs)
        return self.query(inputs) + 0.3 * keys


class AllAtOnce(Momentum):
    """The same by one operation on all."""

    def __init__(self):
        super().__init__(untouched)

    def forward(self, inputs):
        with torch.no_grad():
            torch._foreach_lerp_(list(self.key.parameters()), list(self.query.parameters()), 0.1)
        return super().forward(inputs)


WAYS = {
    "assigned": lambda: Momentum(assigned),
    "in place": lambda: Momentum(in_place),
    "in place of data": lambda: Momentum(in_place_of_data),
    "all at once": AllAtOnce,
    "swallowed": lambda: Momentum(swallowed),
    "untouched": lambda: Momentum(untouched),
}


def batch():
    return torch.randn(16, 6), torch.randint(3, (16,))


def after(model):
    return {n: 0.97 * p.detach() for n, p in model.named_parameters() if p.requires_grad}


def shift_of_a_known_gradient(model, *given):
    return landscope.covariate_shift(
        model, *given, after=after(model), gradient={n: p + 0.1 for n, p in after(model).items()}
    )


MEASUREMENTS = {
    "line": lambda *given: landscope.line(*given, etas=[0.1, 0.5]),
    "covariate_shift": lambda m, *given: landscope.covariate_shift(m, *given, after=after(m)),
    "of a known gradient": shift_of_a_known_gradient,
    "noise_scale": landscope.noise_scale,
    "noise_floor": landscope.noise_floor,
    "norm_health": landscope.norm_health,
}


def bytes_of(model):
    return {name: t.numpy().tobytes() for name, t in model.state_dict().items()}


@pytest.mark.parametrize("measure", MEASUREMENTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_measurement_leaves_them_as_they_were(way, measure):
    model = WAYS[way]()
    before, places = bytes_of(model), [p.data_ptr() for p in model.parameters()]
    given = (model, cross_entropy, *batch())

    first, again = (MEASUREMENTS[measure](*given) for _ in range(2))

    assert bytes_of(model) == before
    assert [p.data_ptr() for p in model.parameters()] == places
    assert repr(first) == repr(again)


@pytest.mark.parametrize("way", WAYS)
def test_the_loss_is_that_of_a_copy_of_the_model(way):
    model = WAYS[way]().double()
    inputs, targets = batch()
    inputs = inputs.double()

    line = landscope.line(model, cross_entropy, inputs, targets, etas=[0.1, 0.5])

    at_start = copy.deepcopy(model)
    cross_entropy(at_start(inputs), targets).backward()
    for eta, loss in zip(line.etas, line.losses, strict=True):
        there = copy.deepcopy(model)
        for p, g in zip(there.query.parameters(), at_start.query.parameters(), strict=True):
            p.data -= eta * g.grad
        FLOAT32.check(loss, cross_entropy(there(inputs), targets).item())


def test_a_model_that_writes_in_training_mode_alone_is_known_by_either():
    model = Momentum(in_place, only_in=True)
    given = (model, cross_entropy, *batch())
    for mode in (False, True):
        before = bytes_of(model.train(mode))
        landscope.line(*given, etas=[0.1])
        assert bytes_of(model) == before


def test_nothing_is_copied_for_a_model_that_does_not_write():
    model = Momentum(untouched, norm=False)
    met = []

    def loss_fn(measured, inputs):
        met.extend(p.data_ptr() for p in measured.key.parameters())
        return measured(inputs).square().mean()

    landscope.line(model, loss_fn, batch()[0], etas=[0.1])

    assert set(met) == {p.data_ptr() for p in model.key.parameters()}


def train(model, *, scoped, updates=12):
    optimizer = torch.optim.SGD(model.query.parameters(), 0.1)
    scope = landscope.Scope(model, cross_entropy, optimizer, every=1) if scoped else None
    torch.manual_seed(1)
    for _ in range(updates):
        inputs, targets = batch()
        if scope:
            scope.before(inputs, targets)
        optimizer.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        if scope:
            scope.after()
    return scope


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("follow", [assigned, in_place])
def test_a_training_with_them_ends_with_the_same_bytes_and_is_measured_right(follow, every):
    plain, measured = (Momentum(follow, every=every) for _ in range(2))
    train(plain, scoped=False)
    scope = train(measured, scoped=True)

    assert bytes_of(measured) == bytes_of(plain)
    assert not [r for r in scope.readings if r.quantity == "failed"]
    # What the first pass that writes has overwritten was not kept; from then on it is.
    agreed = [r.value for r in scope.readings if r.quantity == "agreement" and r.step >= every]
    FLOAT32.check(agreed, [1.0] * (12 - every))
