"""A training with a scope leaves the same bytes as without, whatever training it is."""

import shutil
from dataclasses import replace

import pytest
import torch
from tests.scope.trainings import KINDS, Kind, train

from landscope.cost import Cost
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.table import PROBES

pytestmark = pytest.mark.slow


def without_theory(kind):
    """Theorems are about batch norm."""
    return [name for name in PROBES if name != "theory" or kind.norm == "batch"]


def skip_without_compiler(kind):
    if kind.compiled == "inductor" and shutil.which("g++") is None:
        pytest.skip("needs g++: without a C++ compiler, torch makes no machine code")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_probes_together_leave_no_trace(kind):
    scoped = train(kind, probes=without_theory(kind), every=1)

    assert scoped.traces() == train(kind).traces()
    assert not [r for r in scoped.scope.readings if r.quantity == "failed"]
    assert {r.probe for r in scoped.scope.readings} > {"gradient", "update", "covariate_shift"}


# By Dynamo alone, which is where a measurement could get between, and some to machine code as well.
COMPILED = [replace(kind, compiled="eager") for kind in KINDS]
TO_CODE = [replace(kind, compiled="inductor") for kind in KINDS[::9]]


def sampled(kinds, every):
    """All of them, of which most are for `make test-all` and `make torture` alone."""
    return [
        pytest.param(kind, marks=[] if number % every == 0 else pytest.mark.long, id=str(kind))
        for number, kind in enumerate(kinds)
    ]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, of itself
@pytest.mark.parametrize("kind", [*sampled(COMPILED, 6), *sampled(TO_CODE, 8)])
def test_all_probes_together_leave_no_trace_under_compile(kind):
    skip_without_compiler(kind)
    torch._dynamo.reset()
    plain = train(kind)
    torch._dynamo.reset()
    scoped = train(kind, probes=without_theory(kind), every=1)

    assert scoped.traces() == plain.traces()
    assert not [r for r in scoped.scope.readings if r.quantity == "failed"]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", sampled([*KINDS, *COMPILED, *TO_CODE], 9))
def test_each_probe_alone_leaves_no_trace(kind):
    skip_without_compiler(kind)
    torch._dynamo.reset()
    plain = train(kind).traces()
    # What was compiled once serves all: a probe for which it did not would be seen below.
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for name in without_theory(kind):
        assert train(kind, probes=[name], every=1).traces() == plain, name

    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs


@pytest.mark.parametrize("norm_mode", ["batch", "frozen", "running"])
def test_no_norm_mode_leaves_a_trace(norm_mode):
    kind = Kind(dropout=True)

    scoped = train(kind, probes="full", every=1, norm_mode=norm_mode)

    assert scoped.traces() == train(kind).traces()


def test_a_budget_leaves_no_trace():
    assert train(Kind(), updates=60, budget=0.5).traces() == train(Kind(), updates=60).traces()


def test_the_compiled_network_is_compiled_no_more_often():
    kind = Kind(compiled="eager")
    graphs = []
    for settings in ({}, {"probes": "standard", "every": 1}):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        train(kind, **settings)
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])

    assert graphs[0] == graphs[1] > 0


class Disturbing(Probe):
    """Changes one thing, as a badly written probe would."""

    def __init__(self, disturb):
        super().__init__("disturbing", EverySteps(1))
        self.disturb = disturb

    def cost(self, work):
        del work
        return Cost(0, 0)

    def read(self, view):
        self.disturb(view.snapshot)
        return []


def move_a_weight(shot):
    next(iter(shot.after.values())).add_(1e-6)


def keep_a_hook(shot):
    shot.objective.standing.live.register_forward_hook(lambda *_: None)


def change_the_mode(shot):
    shot.objective.standing.live[3].eval()


@pytest.mark.parametrize("disturb", [move_a_weight, keep_a_hook, change_the_mode])
def test_a_planted_trace_is_found(disturb):
    kind = Kind(dropout=True)

    assert train(kind, probes=[Disturbing(disturb)]).traces() != train(kind).traces()


def hook_the_shadow(shot):
    shot.objective.model.register_forward_hook(lambda *_: None)


def evaluate_the_shadow(shot):
    shot.objective.model.eval()


@pytest.mark.parametrize("disturb", [hook_the_shadow, evaluate_the_shadow])
def test_what_a_probe_does_to_the_shadow_does_not_reach_the_training(disturb):
    kind = Kind(dropout=True)
    scoped = train(kind, every=1, probes=["gradient", Disturbing(disturb)])
    assert scoped.traces() == train(kind).traces()


def test_what_a_probe_draws_is_drawn_from_nobody():
    kind = Kind(dropout=True)
    scoped = train(kind, probes=[Disturbing(lambda _: torch.rand(3))])

    assert scoped.traces() == train(kind).traces()
