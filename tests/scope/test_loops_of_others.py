"""Loops as they are found in public: trained as without a scope, measured right, accused of naught.

The loss that a loop computes itself is what the measured one is held to.
"""

import copy
import random
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from tests.scope.loops_of_others import LOOPS
from tests.tolerances import EXACT64, FLOAT32
from tests.without_scope import NoScope, bytes_of_networks

import landscope
from landscope.reading import Status

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # torch's own, of itself
    pytest.mark.filterwarnings("ignore:.*Sparse.*:UserWarning"),
]

EVERY = 3

NORMAL = {"step-could-be-larger", "noise-dominates", "batch-larger-than-useful"}
"""Nothing but what would be worth trying: a few steps at a small rate are no finished training."""

ALSO = {
    "mixup with an average of the weights": {"gradient-clipped"},
    "words with a state that is carried over": {"gradient-clipped"},
    "a graph as one batch": {"not-measured"},
    "rewards of episodes of any length": {"not-measured"},
    "momentum contrast": {"not-measured"},
    "a frozen backbone that is thawed": {"norms-in-evaluation"},
    "sharpness aware minimisation": {"gradient-changed"},
}
"""What is said besides, and is so."""

WITHOUT_HALVES = {name for name, said in ALSO.items() if "not-measured" in said} | {
    "words with a state that is carried over"
}


def run(name, scope_of):
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    losses, trained = LOOPS[name](scope_of)
    streams = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()
    return losses, bytes_of_networks(trained), streams


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop(name, capsys):
    scopes = []

    def scope_of(*given, **settings):
        scopes.append(landscope.Scope(*given, every=EVERY, **settings))
        return scopes[-1]

    measured = run(name, scope_of)
    plain = run(name, NoScope)

    assert measured == plain
    losses = plain[0]
    (scope,) = scopes
    said = {finding.id: finding for finding in scope.findings()}
    assert capsys.readouterr().err == ""
    assert [r.function for r in scope.readings if r.quantity == "failed"] == []
    assert said.keys() <= NORMAL | ALSO.get(name, set()), said
    assert not [one for one in said.values() if one.severity != "info"]

    read = {r.step: r.value for r in scope.readings if r.key == "gradient/loss"}
    assert list(read) == list(range(0, scope.steps, EVERY))
    FLOAT32.check(list(read.values()), [losses[step] for step in read])
    agreed = [r.value for r in scope.readings if r.quantity == "agreement"]
    FLOAT32.check(agreed, [1.0] * len(agreed))
    assert len(agreed) == len(read)

    steps = scope.findings().measured
    assert len(steps) == 8
    without = {probe for probe, count in steps.items() if not count}
    assert without <= ({"noise_scale"} if name in WITHOUT_HALVES else set())
    for reading in scope.readings:  # a number that cannot be has a status that says so
        if reading.status is Status.SKIPPED:
            assert str(reading.function)
        elif isinstance(reading.value, float) and not np.isfinite(reading.value):
            assert reading.status in (Status.NONFINITE, Status.UNCONVERGED, Status.UNRESOLVED)


class Referenced:
    """A scope, with copies of all that it needs of each update to compute the same slowly."""

    def __init__(self, model, loss_fn, optimizer, **settings):
        probes = ["gradient", "update", "step_size", "line"]
        self.scope = landscope.Scope(
            model, loss_fn, optimizer, every=EVERY, probes=probes, **settings
        )
        self.model, self.loss_fn = model, loss_fn
        self.updates = {}

    @contextmanager
    def step(self, *batch):
        number = self.scope.steps
        kept = copy.deepcopy((self.model, batch)), torch.get_rng_state()
        with self.scope.step(*batch):
            yield
        if self.scope.steps > number:
            self.updates[number] = *kept, copy.deepcopy(self.model)

    def loss(self, number, *, less=None, times=0.0):
        """The loss before an update, less a direction some times, and the model that has it."""
        (model, batch), streams, _ = self.updates[number]
        model, (inputs, *targets) = copy.deepcopy((model, batch))
        with torch.no_grad():
            for name, p in model.named_parameters():
                p -= times * less[name] if less else 0.0
        with torch.random.fork_rng():
            torch.set_rng_state(streams)
            if not targets:
                return self.loss_fn(model, inputs), model
            if isinstance(inputs, dict):
                return self.loss_fn(model(**inputs), *targets), model
            args = inputs if isinstance(inputs, tuple) else (inputs,)
            return self.loss_fn(model(*args), *targets), model

    def gradient(self, number):
        loss, model = self.loss(number)
        loss.backward()
        return {
            name: torch.zeros(p.shape) if p.grad is None else p.grad.to_dense()
            for name, p in model.named_parameters()
        }

    def update(self, number):
        (before, _), _, after = self.updates[number]
        pairs = zip(before.named_parameters(), after.parameters(), strict=True)
        return {name: (p - q).detach() * p.requires_grad for (name, p), q in pairs}


def length(vectors):
    return sum(float(v.square().sum()) for v in vectors.values()) ** 0.5


NOT_BY_COPIES = {
    "a compiled model",  # in float64 it is compiled anew, which is another test
    "pruned weights",  # torch copies neither them
    "a mixture of experts with a loss in an attribute",  # nor what has a graph
    "an optimiser that steps within the backward pass",  # and hooks that step go with a copy
    "mixed precision",
    "a scaled loss in half precision",
}


@pytest.mark.parametrize("name", [each for each in LOOPS if each not in NOT_BY_COPIES])
def test_its_readings_are_those_of_a_slow_computation_in_float64(name):
    references = []

    def scope_of(*given, **settings):
        references.append(Referenced(*given, **settings))
        return references[-1]

    torch.set_default_dtype(torch.float64)
    try:
        run(name, scope_of)
        (reference,) = references
        for number in range(0, reference.scope.steps, EVERY):
            check(reference, number)
    finally:
        torch.set_default_dtype(torch.float32)


def check(reference, number):
    read = {r.key: r for r in reference.scope.readings if r.step == number}
    gradient, update = reference.gradient(number), reference.update(number)
    EXACT64.check(read["gradient/loss"].value, reference.loss(number)[0].item())
    EXACT64.check(read["gradient/gradient_norm"].value, length(gradient))
    EXACT64.check(read["update/update_norm"].value, length(update))
    for key, direction in (("line[paper]/loss", gradient), ("step_size/loss", update)):
        reading = read[key]
        if reading.status is Status.UNRESOLVED:  # as at the end of a training
            assert length(direction) * max(reading.axis.values) < 1e-9
            continue
        losses = [
            reference.loss(number, less=direction, times=times)[0].item()
            for times in reading.axis.values
        ]
        EXACT64.check(reading.value, losses)
