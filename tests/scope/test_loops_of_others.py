"""Loops as they are found in public: trained as without a scope, measured right, accused of naught.

The loss that a loop computes itself is what the measured one is held to.
"""

import random

import numpy as np
import pytest
import torch
from tests.scope.loops_of_others import LOOPS
from tests.tolerances import FLOAT32
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
            assert reading.function
        elif isinstance(reading.value, float) and not np.isfinite(reading.value):
            assert reading.status in (Status.NONFINITE, Status.UNCONVERGED, Status.UNRESOLVED)
