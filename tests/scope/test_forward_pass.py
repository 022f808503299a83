"""What a block does before and around its forward pass, and how the model is called there."""

import contextlib
import copy
import threading
from collections import UserDict
from dataclasses import dataclass

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for
from torch import nn

from landscope.scope.scope import Scope


class Holder(nn.Module):
    """A module whose own forward is not what a loop calls."""

    def __init__(self, *, dropout: bool) -> None:
        super().__init__()
        self.net = network(Kind(norm="layer", dropout=dropout))

    def loss(self, batch):
        inputs, targets = batch
        return loss_fn(self.net(inputs), targets)


def train(model, loss, block, *, form="batch", **settings):
    optimizer = optimizer_for(Kind(), model)
    scope = Scope(model, loss, optimizer, every=1, **settings)
    torch.manual_seed(7)
    for batch in batches(4):
        with scope.step(batch) if form == "batch" else scope.step(*batch):
            block(batch, optimizer)
    return scope


def stepped(loss, optimizer):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def train_fully(model, *, scoped):
    """Four steps, looked at by every probe or by none."""
    optimizer = optimizer_for(Kind(), model)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="full") if scoped else None
    for inputs, targets in batches(4):
        with scope.step(inputs, targets) if scope else contextlib.nullcontext():
            stepped(loss_fn(model(inputs), targets), optimizer)
    return scope


def bytes_of(model):
    return [tensor.numpy().tobytes() for tensor in model.state_dict().values()]


def readings(scope, key):
    return [reading.value for reading in scope.readings if reading.key == key]


def functions(scope):
    return {str(r.function) for r in scope.readings if r.key == "gradient/loss"}


def by_method(model, batch):
    return model.loss(batch)


@pytest.mark.parametrize("dropout", [False, True])
def test_a_method_of_the_model_is_measured_with_its_own_noise(dropout):
    model = Holder(dropout=dropout)
    scope = train(model, by_method, lambda batch, o: stepped(model.loss(batch), o))

    assert readings(scope, "gradient/agreement") == [pytest.approx(1.0, abs=1e-6)] * 4
    assert "drawn anew" not in "".join(functions(scope))


def test_a_method_of_the_model_is_measured_under_its_autocast():
    model, losses = Holder(dropout=False), []

    def block(batch, optimizer):
        with torch.autocast("cpu", torch.bfloat16):
            loss = model.loss(batch)
        losses.append(loss.item())
        stepped(loss, optimizer)

    scope = train(model, by_method, block)
    assert readings(scope, "gradient/loss") == losses
    assert all("under bfloat16 autocast" in function for function in functions(scope))


@pytest.mark.parametrize("dropout", [False, True])
def test_numbers_that_the_block_draws_too_are_told_and_not_called_another_loss(dropout):
    model = Holder(dropout=dropout).net

    def block(batch, optimizer):
        torch.rand(3)
        stepped(loss_fn(model(batch[0]), batch[1]), optimizer)

    scope = train(model, lambda model, batch: loss_fn(model(batch[0]), batch[1]), block)
    (function,) = functions(scope)
    assert ("the block draws other numbers too" in function) == dropout
    agreement = readings(scope, "gradient/agreement")
    assert agreement == ([] if dropout else [pytest.approx(1.0, abs=1e-6)] * 4)


@pytest.mark.parametrize("form", ["batch", "pair"])
def test_the_mode_is_that_of_the_forward_pass(form):
    model, losses = network(Kind(norm="batch")).eval(), []

    def block(batch, optimizer):
        model.train()
        loss = loss_fn(model(batch[0]), batch[1])
        losses.append(loss.item())
        stepped(loss, optimizer)
        model.eval()

    loss = loss_fn if form == "pair" else lambda model, batch: loss_fn(model(batch[0]), batch[1])
    scope = train(model, loss, block, form=form)
    assert readings(scope, "gradient/loss") == losses
    assert readings(scope, "gradient/agreement") == [pytest.approx(1.0, abs=1e-6)] * 4
    assert all(function.startswith("training mode") for function in functions(scope))


@pytest.mark.parametrize("form", ["batch", "pair"])
def test_a_validation_in_the_block_is_not_the_pass_that_is_measured(form):
    model, losses = network(Kind(norm="batch", dropout=True)), []

    def block(batch, optimizer):
        model.eval()
        with torch.no_grad():
            model(batch[0])
        model.train()
        loss = loss_fn(model(batch[0]), batch[1])
        losses.append(loss.item())
        stepped(loss, optimizer)

    loss = loss_fn if form == "pair" else lambda model, batch: loss_fn(model(batch[0]), batch[1])
    scope = train(model, loss, block, form=form)
    assert readings(scope, "gradient/agreement") == [pytest.approx(1.0, abs=1e-6)] * 4
    assert readings(scope, "gradient/loss") == losses


def test_a_pass_without_gradients_is_not_the_one_that_is_measured():
    model = Holder(dropout=False)

    def block(batch, optimizer):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            model.net(batch[0])
        stepped(model.loss(batch), optimizer)

    scope = train(model, by_method, block)
    assert "autocast" not in "".join(functions(scope))


def test_a_copy_of_the_model_made_in_the_block_has_no_part_in_it():
    """What hangs on the model for a pass would take the scope along, and what that holds."""
    model = network(Kind())
    copies = []

    def block(batch, optimizer):
        copies.append(copy.deepcopy(model))
        copies[-1](batch[0])
        stepped(loss_fn(model(batch[0]), batch[1]), optimizer)

    class Trainer:
        def __init__(self) -> None:
            self.cannot_be_copied = (each for each in ())

        def loss(self, outputs, targets):
            return loss_fn(outputs, targets)

    scope = train(model, Trainer().loss, block, form="pair")
    assert readings(scope, "gradient/agreement") == [pytest.approx(1.0, abs=1e-6)] * 4


@dataclass
class Item:
    """A batch of a class, as libraries for graphs and for texts have them."""

    x: torch.Tensor
    y: torch.Tensor


@pytest.mark.parametrize("made", [Item, lambda x, y: UserDict(x=x, y=y)])
def test_a_batch_of_any_class_is_left_as_it_is(made):
    def get(batch, name):
        return batch[name] if isinstance(batch, UserDict) else getattr(batch, name)

    def put(batch, name, value):
        batch.__setitem__(name, value) if isinstance(batch, UserDict) else setattr(
            batch, name, value
        )

    def loss(model, batch):
        get(batch, "x").mul_(0.5)
        put(batch, "x", model(get(batch, "x")))
        return loss_fn(get(batch, "x"), get(batch, "y"))

    def trained(*, scoped):
        model = network(Kind())
        optimizer = optimizer_for(Kind(), model)
        # What halves a batch must know how, and refuses it.
        probes = ["gradient", "update", "step_size", "line", "covariate_shift"]
        scope = Scope(model, loss, optimizer, every=1, probes=probes) if scoped else None
        left = []
        for inputs, targets in batches(4):
            batch = made(inputs, targets)
            with scope.step(batch) if scope else contextlib.nullcontext():
                stepped(loss(model, batch), optimizer)
            left.append(inputs.numpy().tobytes())
        if scope:
            agreements = readings(scope, "gradient/agreement")
            assert agreements == [pytest.approx(1.0, abs=1e-6)] * 4
            assert all("8 samples" in function for function in functions(scope))
        return left, bytes_of(model)

    assert trained(scoped=True) == trained(scoped=False)


def test_weights_that_a_forward_pass_writes_on_stay_as_training_leaves_them():
    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(3)
            self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3)

        def forward(self, inputs):
            with torch.no_grad():
                self.first.weight.div_(self.first.weight.norm(dim=1, keepdim=True))
            return self.last(self.first(inputs))

    models = [Bounded(), Bounded()]
    train_fully(models[0], scoped=True)
    train_fully(models[1], scoped=False)
    assert bytes_of(models[0]) == bytes_of(models[1])


def test_a_plain_generator_of_the_models_own_is_left_where_it_stood():
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(3)
            self.last = nn.Linear(6, 3)
            self.noise = torch.Generator().manual_seed(1)
            self.seen = {"deep": [{"passes": 0}]}
            self.hidden = (nn.BatchNorm1d(6),)

        def forward(self, inputs):
            self.seen["deep"][0]["passes"] += 1
            noise = torch.randn(inputs.shape, generator=self.noise)
            return self.last(self.hidden[0](inputs) + noise / self.seen["deep"][0]["passes"])

    models = [Noisy(), Noisy()]
    scope = train_fully(models[0], scoped=True)
    train_fully(models[1], scoped=False)
    assert readings(scope, "gradient/agreement") == [pytest.approx(1.0, abs=1e-6)] * 4
    assert models[0].seen == models[1].seen
    assert bytes_of(models[0]) == bytes_of(models[1])
    assert bytes_of(models[0].hidden[0]) == bytes_of(models[1].hidden[0])


class Annealed(nn.Module):
    """What it computes depends on an attribute, a buffer, a flag and a list that a loop may set."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network(Kind(norm="layer"))
        self.temperature, self.inverted, self.scales = 1.0, False, [1.0]
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, inputs):
        outputs = self.net(inputs) * self.scales[0] / self.temperature + self.shift * inputs[:, :3]
        return -outputs if self.inverted else outputs


def set_attribute(model, step):
    model.temperature = 1 + step


def set_buffer(model, step):
    model.shift.fill_(step)


def replace_buffer(model, step):
    model.shift = torch.tensor(float(step))


def set_flag(model, step):
    model.inverted = step % 2 == 1


def set_in_a_list(model, step):
    model.scales[0] = 1 + step


def write_on_the_weights(model, step):
    with torch.no_grad():
        model.net[0].weight.mul_(1 + 0.1 * step)


def add_a_hook(model, step):
    if step == 2:
        model.net.register_forward_hook(lambda _module, _, out: 2 * out)


def freeze(model, step):
    model.net[0].requires_grad_(step % 2 == 0)


SETTERS = [
    set_attribute,
    set_buffer,
    replace_buffer,
    set_flag,
    set_in_a_list,
    write_on_the_weights,
    add_a_hook,
    freeze,
]


@pytest.mark.parametrize("form", ["batch", "pair"])
@pytest.mark.parametrize("setter", SETTERS)
def test_what_a_block_sets_before_its_pass_is_measured(setter, form):
    torch.manual_seed(0)
    model, losses = Annealed(), []

    def block(batch, optimizer):
        setter(model, len(losses))
        loss = loss_fn(model(batch[0]), batch[1])
        losses.append(loss.item())
        stepped(loss, optimizer)

    loss = loss_fn if form == "pair" else lambda model, batch: loss_fn(model(batch[0]), batch[1])
    scope = train(model, loss, block, form=form)
    assert readings(scope, "gradient/loss") == losses
    assert readings(scope, "gradient/agreement") == [pytest.approx(1.0, abs=1e-6)] * 4
    assert not [r for r in scope.readings if r.quantity == "failed"]


def test_a_weight_of_a_loss_that_a_block_sets_is_measured():
    class Weighted(nn.Module):
        weight = 1.0

        def forward(self, outputs, targets):
            return self.weight * loss_fn(outputs, targets)

    model, criterion, losses = network(Kind()), Weighted(), []

    def block(batch, optimizer):
        criterion.weight = 1.0 + len(losses)
        loss = criterion(model(batch[0]), batch[1])
        criterion.weight = 100.0
        losses.append(loss.item())
        stepped(loss, optimizer)

    scope = train(model, criterion, block, form="pair")
    assert readings(scope, "gradient/loss") == losses


def test_a_batch_that_a_block_changes_in_place_is_measured_as_it_is_trained_on():
    model, losses = network(Kind()), []

    def block(batch, optimizer):
        batch[0].mul_(2.0)
        loss = loss_fn(model(batch[0]), batch[1])
        losses.append(loss.item())
        stepped(loss, optimizer)

    scope = train(model, loss_fn, block, form="pair")
    assert readings(scope, "gradient/loss") == losses


def test_a_pass_of_another_thread_is_not_the_one_that_is_measured():
    """It runs with gradients, in another mode, after the block has begun."""
    model, losses = network(Kind(dropout=True)), []

    def other():
        model.eval()
        model(torch.zeros(2, 6)).sum().backward()
        model.train()

    def block(batch, optimizer):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        loss = loss_fn(model(batch[0]), batch[1])
        losses.append(loss.item())
        stepped(loss, optimizer)

    scope = train(model, loss_fn, block, form="pair", probes="cheap")
    assert readings(scope, "gradient/loss") == losses
    assert all("training mode" in function for function in functions(scope))
