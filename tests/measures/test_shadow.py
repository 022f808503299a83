"""Measurements run on a shadow: the model itself holds its own weights at every moment."""

import functools
import signal
import threading
from collections import deque

import pytest
import torch
from tests.measures.traces import trace
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch.utils.flop_counter import FlopCounterMode

import landscope
from landscope.errors import UsageError
from landscope.objective.global_state import eager, no_modes
from landscope.objective.objective import Objective
from landscope.testing.tolerances import FLOAT32

ETA = 0.5


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1))


def batch():
    stream = torch.Generator().manual_seed(1)
    return torch.randn(8, 4, generator=stream), torch.randn(8, 1, generator=stream)


def mse(outputs, targets):
    return (outputs - targets).square().mean()


def held(model):
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def by_hand(model, loss):
    """Gradient norm and the loss half a step downhill, with the weights of the model moved."""
    inputs, targets = batch()
    model.zero_grad()
    loss(model(inputs), targets).backward()
    parameters = list(model.parameters())
    gradients = [p.grad.clone() for p in parameters]
    model.zero_grad()
    with torch.no_grad():
        for p, g in zip(parameters, gradients, strict=True):
            p -= ETA * g
        down = loss(model(inputs), targets).item()
        for p, g in zip(parameters, gradients, strict=True):
            p += ETA * g
    return nn.utils.get_total_norm(gradients).item(), down


@pytest.mark.parametrize("way", ["thread", "signal"])
def test_a_checkpoint_taken_meanwhile_is_of_the_training(way):
    model = network().eval()
    before, seen, over = held(model), [], threading.Event()

    def look(*_):
        seen.append(same(held(model), before))

    def keep_looking():
        while not over.is_set():
            look()

    if way == "thread":
        thread = threading.Thread(target=keep_looking)
        thread.start()
    else:
        earlier = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
    try:
        while len(seen) < 50:
            landscope.line(model, mse, *batch(), etas=[1.0, 10.0])
    finally:
        over.set()
        if way == "thread":
            thread.join()
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, earlier)
    assert all(seen)


class Penalised:
    """An object that holds the model."""

    def __init__(self, model) -> None:
        self.model = model

    def loss(self, outputs, targets):
        return penalised(self.model, outputs, targets)

    __call__ = loss


class Criterion(nn.Module):
    """A loss that is a module and has the model in it."""

    def __init__(self, model) -> None:
        super().__init__()
        self.model = model
        self.calls = 0

    def forward(self, outputs, targets):
        self.calls += 1
        return penalised(self.model, outputs, targets)


def penalised(model, outputs, targets):
    return mse(outputs, targets) + 0.1 * sum(p.square().sum() for p in model.parameters())


def over_weights(weights):
    return lambda o, t: mse(o, t) + 0.1 * sum(p.square().sum() for p in weights)


def by_default(model):
    def loss(outputs, targets, model=model):
        return penalised(model, outputs, targets)

    return loss


def nested(model):
    def inner():
        return [p.square().sum() for p in model.parameters()]

    return lambda o, t: mse(o, t) + 0.1 * sum(term for term in inner())


class Anchored:
    """A penalty for moving away, with the weights in a dictionary of its own."""

    def __init__(self, model) -> None:
        self.weights = dict(model.named_parameters())
        self.anchors = {n: p.detach() + 0.1 for n, p in self.weights.items()}

    def loss(self, outputs, targets):
        moved = [(p - self.anchors[n]).square().sum() for n, p in self.weights.items()]
        return mse(outputs, targets) + 0.1 * sum(moved)


def cached(model):
    @functools.lru_cache
    def weights():
        return tuple(model.parameters())

    weights()  # as the training's own pass does
    return lambda o, t: mse(o, t) + 0.1 * sum(p.square().sum() for p in weights())


def of_global(_):
    return lambda o, t: penalised(GLOBAL["model"], o, t)


GLOBAL = {"model": network()}

WAYS = {
    "a closure": lambda m: lambda o, t: penalised(m, o, t),
    "a list of weights": lambda m: over_weights(list(m.parameters())),
    "a tuple of weights": lambda m: over_weights(tuple(m.parameters())),
    "a view of a dict": lambda m: over_weights(dict(m.named_parameters()).values()),
    "a partial": lambda m: functools.partial(penalised, m),
    "a method": lambda m: Penalised(m).loss,
    "an object": Penalised,
    "a module": Criterion,
    "a default": by_default,
    "a function in a function": nested,
    "a global": of_global,
    "a dict of an object": lambda m: Anchored(m).loss,
    "a vector of all": lambda m: (
        lambda o, t: mse(o, t) + nn.utils.parameters_to_vector(m.parameters()).square().sum()
    ),
    "another pass": lambda m: lambda o, t: mse(o, t) + mse(m(o.detach() @ torch.ones(1, 4)), t),
    "a cache": cached,
}
NOT_FOLLOWED = ("a view of a dict", "a cache")


@pytest.mark.parametrize("way", WAYS)
def test_weights_that_the_loss_reaches_by_itself_are_measured_right(way):
    """The second term of the loss is a function of the weights that no forward pass shows."""
    model = GLOBAL["model"] if way == "a global" else network()
    loss = WAYS[way](model)
    model.eval()
    before = trace(model)
    if way in NOT_FOLLOWED:
        # It cannot be copied with other weights in it: refused, and the advice helps.
        with pytest.raises(UsageError, match=r"uses the parameter '0\.weight' by another way than"):
            landscope.line(model, loss, *batch(), etas=[ETA])

        def loss_of_both(model, pair):
            return penalised(model, model(pair[0]), pair[1])

        found = landscope.line(model, loss_of_both, batch(), etas=[ETA])
    else:
        found = landscope.line(model, loss, *batch(), etas=[ETA])
    assert trace(model) == before
    length, down = by_hand(model, loss)
    FLOAT32.check(found.gradient_norm, length)
    FLOAT32.check(found.losses[0], down)


def test_a_module_that_holds_the_model_counts_its_own_calls_alone():
    model = network()
    loss = Criterion(model)
    landscope.line(model, loss, *batch(), etas=[ETA])
    assert loss.calls == 0


class Bound(nn.Module):
    """Calls itself by what it keeps: a method, a list, a hook that closes over a part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 1)
        self.again = self.first.forward
        self.parts = [self.last]
        self.scales = deque([2.0])
        self.seen = 0
        self.last.register_forward_pre_hook(self.noted)
        first = self.first
        self.first.register_forward_hook(lambda _m, _, out: out * first.weight.sum())

    def noted(self, *_) -> None:
        self.seen += 1

    def forward(self, inputs):
        return self.scales[0] * self.parts[0](self.first(inputs) + self.again(inputs))


def test_what_a_model_keeps_of_itself_is_its_shadows_too():
    torch.manual_seed(0)
    model = Bound()
    objective = Objective.now(model, mse, *batch())
    assert objective.model is not model
    before = trace(model)
    found = landscope.line(model, mse, *batch(), etas=[ETA])
    assert trace(model) == before
    assert model.seen == 0
    length, down = by_hand(model, mse)
    FLOAT32.check(found.gradient_norm, length)
    FLOAT32.check(found.losses[0], down)


class Slotted(nn.Module):
    """Keeps something outside of its attributes' dictionary."""

    __slots__ = ("scale",)

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)
        self.scale = 3.0

    def forward(self, inputs):
        return self.scale * self.linear(inputs)


class Registry:
    """Keeps the model where no search goes."""

    def __init__(self, model) -> None:
        self.by_name = {"model": [Penalised(model)]}


class Registered(nn.Module):
    """Calls a part of itself by an object that it keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)
        self.helper = Penalised(self.linear)

    def forward(self, inputs):
        return self.helper.model(inputs)


@pytest.mark.parametrize("kind", [Slotted, Registered])
def test_a_model_without_a_shadow_is_measured_itself(kind):
    torch.manual_seed(0)
    model = kind()
    assert Objective.now(model, mse, *batch()).model is model
    before = trace(model)
    found = landscope.line(model, mse, *batch(), etas=[ETA])
    assert trace(model) == before
    length, down = by_hand(model, mse)
    FLOAT32.check(found.gradient_norm, length)
    FLOAT32.check(found.losses[0], down)


def test_a_scope_turns_to_the_model_itself_where_the_loss_reaches_it_unseen():
    model = network()
    registry = Registry(model)

    def loss(outputs, targets):
        return penalised(registry.by_name["model"][0].model, outputs, targets)

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scope = landscope.Scope(model, loss, optimizer, every=1, probes="cheap")
    losses = []
    for _ in range(4):
        with scope.step(*batch()):
            optimizer.zero_grad()
            losses.append(loss(model(batch()[0]), batch()[1]))
            losses[-1].backward()
            optimizer.step()
    found = {r.step: r.value for r in scope.readings if r.key == "gradient/loss"}
    # The first showed that the shadow is not all that the loss uses.
    assert found == {step: losses[step].item() for step in (1, 2, 3)}
    agreements = [r.value for r in scope.readings if r.quantity == "agreement"]
    FLOAT32.check(agreements, [1.0] * 3)


class Part(nn.Module):
    """A part that torch compiles: its own layers it leaves alone."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 6)

    def forward(self, inputs):
        return self.linear(inputs).sin()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, of itself
@pytest.mark.parametrize("in_place", [True, False])
def test_a_compiled_part_runs_as_it_is_written(in_place):
    compiled = []

    def backend(graph, _):
        compiled.append(graph)
        return graph.forward

    plain, model = (nn.Sequential(Part(), *network()[1:]) for _ in range(2))
    model.load_state_dict(plain.state_dict())
    if in_place:
        model[0].compile(backend=backend)
    else:
        model[0] = torch.compile(model[0], backend=backend)
    before = trace(model)
    found = landscope.line(model, mse, *batch(), etas=[ETA])
    assert trace(model) == before
    assert found == landscope.line(plain, mse, *batch(), etas=[ETA])
    assert not compiled
    model(batch()[0])
    assert compiled


def test_the_stance_of_the_compiler_is_restored_by_the_last_of_several_threads():
    inside, leave, stances = threading.Barrier(2), threading.Event(), []

    @torch.compile(backend=lambda graph, _: stances.append("compiled") or graph.forward)
    def function(x):
        return x + 1

    def first():
        with eager():
            inside.wait()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    with eager():
        inside.wait()
        function(torch.ones(2))
        assert not stances
    leave.set()
    thread.join()
    function(torch.ones(2))
    assert stances == ["compiled"]


def test_within_cached_parametrizations_the_weights_are_those_put_in():
    torch.manual_seed(0)
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 6)), nn.Linear(6, 1))
    outside = landscope.line(model, mse, *batch(), etas=[0.1, 1.0])
    with parametrize.cached():
        cached = model[0].weight
        assert landscope.line(model, mse, *batch(), etas=[0.1, 1.0]) == outside
        assert model[0].weight is cached


def test_modes_of_the_training_see_nothing_but_a_default_device_stays():
    counter = FlopCounterMode(display=False)
    functions = []

    class Listing(torch.overrides.TorchFunctionMode):
        """Lists the functions that are called."""

        def __torch_function__(self, func, types, args=(), kwargs=None):
            functions.append(func)
            return func(*args, **(kwargs or {}))

    with torch.device("meta"), counter, Listing():
        torch.ones(2, device="cpu")
        counted = len(functions)
        with no_modes():
            a = torch.ones(3, 3, device="cpu")
            _ = a @ a
            assert torch.ones(2).device.type == "meta"
        assert len(functions) == counted
        torch.ones(2, device="cpu")
        assert len(functions) > counted
    assert counter.get_total_flops() == 0
