"""What a scope reads in a user's loop, against the public functions called by hand there."""

import contextlib
import copy

import pytest
import torch
from tests.scope.trainings import FEATURES, Kind, batches, loss_fn, network, optimizer_for, train
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import landscope
from landscope.objective.parameters import trainable
from landscope.scope.scope import Scope

MULTIPLES = (0.5, 1.0, 2.0, 4.0)


def numbers(scope, probe, quantity, step):
    return [
        r.value for r in scope.readings if (r.probe, r.quantity, r.step) == (probe, quantity, step)
    ]


def copies(model):
    return {name: tensor.clone() for name, tensor in trainable(model).items()}


def by_hand(model, inputs, targets, after, lr, **settings):
    """The public functions at the parameters before a step, with the streams of that moment."""
    etas = [multiple * lr for multiple in MULTIPLES]
    line = landscope.line(model, loss_fn, inputs, targets, etas=etas, **settings)
    shifts = landscope.covariate_shift(model, loss_fn, inputs, targets, after=after, **settings)
    return line, shifts


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_readings_equal_the_public_functions_at_the_same_step_exactly(norm, optimizer):
    kind = Kind(optimizer, norm, dropout=True)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    lr = optimizer.param_groups[0]["lr"]
    scope = Scope(model, loss_fn, optimizer, every=1, probes=["line", "covariate_shift"])
    for step, (inputs, targets) in enumerate(batches(3)):
        as_it_was, stream = copy.deepcopy(model), torch.get_rng_state()
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
        now = torch.get_rng_state()
        torch.set_rng_state(stream)
        line, shifts = by_hand(as_it_was, inputs, targets, copies(model), lr)
        torch.set_rng_state(now)

        assert numbers(scope, "line[paper]", "loss", step) == [line.losses]
        assert numbers(scope, "line[paper]", "beta", step) == [line.betas]
        assert numbers(scope, "line[paper]", "gradient_norm", step) == [line.gradient_norm]
        assert numbers(scope, "covariate_shift", "shift_l2", step) == [s.l2 for s in shifts]


def test_the_streams_and_the_autocast_are_those_of_the_pass_and_not_of_the_block():
    kind = Kind(dropout=True)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
    ((inputs, targets),) = batches(1)
    with scope.step(inputs, targets):
        torch.rand(11)  # as an augmentation would
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_fn(model(inputs), targets)
        loss.backward()
        optimizer.step()

    assert numbers(scope, "gradient", "loss", 0) == [loss.item()]
    assert numbers(scope, "gradient", "agreement", 0) == [pytest.approx(1.0, abs=1e-6)]
    (reading,) = [r for r in scope.readings if r.key == "gradient/loss"]
    assert str(reading.function).endswith("under bfloat16 autocast")


def three_ways():
    """The same training, told in three ways."""

    def block(scope, inputs, targets, body):
        with scope.step(inputs, targets):
            body(inputs, targets)

    def split(scope, inputs, targets, body):
        scope.before(inputs, targets)
        body(inputs, targets)
        scope.after()

    def batch(scope, inputs, targets, body):
        with scope.step({"inputs": inputs, "targets": [targets]}):
            body(inputs, targets)

    return {"block": block, "split": split, "batch": batch}


def trained(model, optimizer):
    def body(inputs, targets):
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        optimizer.step()

    return body


@pytest.mark.parametrize("way", ["split", "batch"])
def test_every_way_of_telling_reads_the_same(way):
    found = []
    for name in ("block", way):
        kind = Kind(dropout=True)
        model = network(kind)
        optimizer = optimizer_for(kind, model)

        def general(model, batch):
            return loss_fn(model(batch["inputs"]), batch["targets"][0])

        told = general if name == "batch" else loss_fn
        torch.manual_seed(1)
        with Scope(model, told, optimizer, every=1, probes="full") as scope:
            for inputs, targets in batches(3):
                three_ways()[name](scope, inputs, targets, trained(model, optimizer))
        found.append([(r.step, r.key, r.value) for r in scope.readings if r.probe != "scope"])

    # Text and not numbers, as a NaN is unequal to itself.
    assert repr(found[0]) == repr(found[1])
    assert len(found[0]) > 100


def test_an_update_over_several_batches_is_one_step():
    kind = Kind(accumulate=4)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
    before = copies(model)
    for number, (inputs, targets) in enumerate(batches(4), 1):
        with scope.step(inputs, targets):
            (loss_fn(model(inputs), targets) / 4).backward()
            if number == 4:
                optimizer.step()

    moved = torch.stack([(before[n] - p).square().sum() for n, p in model.named_parameters()])
    assert scope.steps == 1
    assert numbers(scope, "update", "update_norm", 0) == [
        pytest.approx(moved.sum().sqrt().item(), rel=1e-5)
    ]
    # Several batches made the gradient that was used, and the last one that of its own pass.
    assert numbers(scope, "gradient", "used_cosine", 0) == []
    assert numbers(scope, "gradient", "agreement", 0) == [pytest.approx(1.0, abs=1e-6)]
    assert numbers(scope, "gradient", "gradient_scale", 0) == [pytest.approx(0.25, rel=1e-5)]
    assert numbers(scope, "gradient", "batches", 0) == [4.0]
    (reading,) = [r for r in scope.readings if r.key == "gradient/loss"]
    assert "the last of the step's 4 batches, 8 samples" in str(reading.function)


def test_clipping_is_seen_and_the_gradient_measured_is_the_whole_one():
    model = network(Kind())
    optimizer = optimizer_for(Kind(), model)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
    ((inputs, targets),) = batches(1)
    with scope.step(inputs, targets):
        loss_fn(model(inputs), targets).backward()
        whole = nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()

    assert numbers(scope, "gradient", "gradient_norm", 0) == [pytest.approx(whole.item(), rel=1e-5)]
    assert numbers(scope, "gradient", "used_gradient_norm", 0) == [pytest.approx(0.01, rel=1e-3)]
    assert numbers(scope, "gradient", "agreement", 0) == [pytest.approx(1.0, abs=1e-5)]
    assert numbers(scope, "gradient", "gradient_scale", 0) == [pytest.approx(1.0, rel=1e-5)]
    (share,) = numbers(scope, "gradient", "used_scale", 0)
    assert share == pytest.approx(0.01 / whole.item(), rel=1e-3)
    assert numbers(scope, "gradient", "used_cosine", 0) == [pytest.approx(1.0, abs=1e-5)]


def test_another_loss_than_the_one_that_is_trained_is_seen():
    model = network(Kind())
    optimizer = optimizer_for(Kind(), model)
    scope = Scope(model, lambda outputs, _: outputs.square().mean(), optimizer, every=1)
    ((inputs, targets),) = batches(1)
    with scope.step(inputs, targets):
        loss_fn(model(inputs), targets).backward()
        optimizer.step()

    (agreement,) = numbers(scope, "gradient", "agreement", 0)
    assert agreement < 0.9


def test_groups_schedules_and_frozen_weights():
    model = network(Kind())
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(
        [{"params": model[4].parameters(), "lr": 0.2}, {"params": model[7].parameters()}], lr=0.1
    )
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    scope = Scope(model, loss_fn, optimizer, every=1, probes=["step_size"])
    for inputs, targets in batches(3):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
            schedule.step()

    # The group with most entries; as it was when the optimiser stepped.
    assert [numbers(scope, "step_size", "lr", step) for step in range(3)] == [[0.2], [0.1], [0.05]]


def test_an_optimiser_that_calls_the_loss_itself():
    model = network(Kind(norm="layer"))
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
    for inputs, targets in batches(2):

        def closure(inputs=inputs, targets=targets):
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), targets)
            loss.backward()
            return loss

        with scope.step(inputs, targets):
            optimizer.step(closure)

    assert len(numbers(scope, "gradient", "gradient_norm", 1)) == 1
    # Of its several points the first is the one that is measured; none is the gradient it used.
    assert numbers(scope, "gradient", "agreement", 1) == [pytest.approx(1.0, abs=1e-6)]
    assert numbers(scope, "gradient", "used_gradient_norm", 1) == []


@pytest.mark.parametrize("by_keyword", [False, True])
def test_a_closure_that_is_called_once_shows_the_gradient_that_was_used(by_keyword):
    by_closure, plainly = network(Kind()), network(Kind())
    scopes = []
    for model in (by_closure, plainly):
        optimizer = optimizer_for(Kind(), model)
        scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
        scopes.append(scope)
        for inputs, targets in batches(3):

            def closure(inputs=inputs, targets=targets, model=model, optimizer=optimizer):
                optimizer.zero_grad()
                loss = loss_fn(model(inputs), targets)
                loss.backward()
                return loss.item()

            with scope.step(inputs, targets):
                if model is plainly:
                    closure()
                    optimizer.step()
                elif by_keyword:
                    optimizer.step(closure=closure)
                else:
                    optimizer.step(closure)

    for step in range(3):
        assert len(numbers(scopes[0], "gradient", "agreement", step)) == 1
        for quantity in ("agreement", "used_gradient_norm"):
            values = [numbers(scope, "gradient", quantity, step) for scope in scopes]
            assert values[0] == values[1]


def test_a_loss_of_the_whole_batch_may_draw_before_it_calls_the_model():
    drawn = []

    def noisy_loss(model, batch):
        inputs, targets = batch
        loss = loss_fn(model(inputs + torch.randn_like(inputs)), targets)
        drawn.append(loss.item())
        return loss

    model = network(Kind(dropout=True))
    optimizer = optimizer_for(Kind(), model)
    scope = Scope(model, noisy_loss, optimizer, every=1, probes=["gradient"])
    trained = []
    for batch in batches(3):
        with scope.step(batch):
            optimizer.zero_grad()
            loss = noisy_loss(model, batch)
            loss.backward()
            trained.append(loss.item())
            optimizer.step()

    measured = [value for step in range(3) for value in numbers(scope, "gradient", "loss", step)]
    assert measured == trained
    assert len(set(trained)) == 3


@pytest.mark.parametrize("cadence", [{"every": 5}, {"budget": 0.9}])
def test_a_training_that_goes_on_has_the_numbers_that_it_would_have_had(cadence):
    trained = train(Kind(), updates=12, first_step=100, probes=["gradient"], **cadence)

    steps = {r.step for r in trained.scope.readings if r.probe == "gradient"}
    assert trained.scope.steps == 112
    assert steps == {100, 105, 110} or ("budget" in cadence and min(steps) >= 100)
    assert max(steps) < 112


class Bare:
    """An optimiser that knows nothing of hooks."""

    def __init__(self, parameters):
        self.param_groups = [{"params": list(parameters)}]

    @torch.no_grad()
    def step(self):
        for parameter in self.param_groups[0]["params"]:
            parameter -= 0.1 * parameter.grad


def test_an_optimiser_without_hooks_steps_in_every_block():
    model = network(Kind())
    optimizer = Bare(model.parameters())
    scope = Scope(model, loss_fn, optimizer, every=1, probes="cheap")
    for inputs, targets in batches(2):
        with scope.step(inputs, targets):
            model.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()

    assert scope.steps == 2
    assert len(numbers(scope, "update", "update_norm", 1)) == 1


def test_a_loss_that_is_no_classification_on_a_model_of_two_inputs():
    torch.manual_seed(0)
    model = nn.Bilinear(FEATURES, 4, 1)
    optimizer = torch.optim.Adam(model.parameters())
    scope = Scope(model, nn.functional.mse_loss, optimizer, every=1)
    for _ in range(2):
        inputs, targets = (torch.randn(8, FEATURES), torch.randn(8, 4)), torch.randn(8, 1)
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(*inputs), targets).backward()
            optimizer.step()

    assert len(numbers(scope, "gradient", "loss", 1)) == 1
    assert not [r for r in scope.readings if r.quantity == "failed"]


def test_the_previous_update_is_compared_from_the_second_look_on():
    model = network(Kind())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = Scope(model, loss_fn, optimizer, every=3, probes="cheap")
    points = []
    for inputs, targets in batches(7):
        points.append(copies(model))
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
    points.append(copies(model))

    def flat(number):
        return torch.cat([p.flatten().double() for p in points[number].values()])

    assert numbers(scope, "update", "successive_cosine", 0) == []
    for step in (3, 6):
        one, other = flat(step - 1) - flat(step), flat(step) - flat(step + 1)
        expected = torch.nn.functional.cosine_similarity(one, other, dim=0).item()
        (found,) = numbers(scope, "update", "successive_cosine", step)
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_counter_of_operations_around_the_block_counts_the_training_alone():
    class Counter(TorchDispatchMode):
        """Counts the operations that reach it."""

        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += 1
            return func(*args, **(kwargs or {}))

    def counted(*, scoped):
        model = network(Kind(dropout=True))
        optimizer = optimizer_for(Kind(), model)
        scope = Scope(model, loss_fn, optimizer, every=1, probes="full") if scoped else None
        with Counter() as counter, FlopCounterMode(display=False) as flops:
            for inputs, targets in batches(2):
                with scope.step(inputs, targets) if scope else contextlib.nullcontext():
                    optimizer.zero_grad()
                    loss_fn(model(inputs), targets).backward()
                    optimizer.step()
        assert scope is None or len(numbers(scope, "gradient", "loss", 1)) == 1
        return counter.count, flops.get_total_flops()

    assert counted(scoped=True) == counted(scoped=False)
