"""Contract 2: a training under probes is the training without them, to the last bit."""

import functools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.probes.watched_training import EVERY, STEPS, Watching, hooks, probes_for, watch
from tests.small_networks import BUILDERS, setting

from landscope.cost import Cost
from landscope.probes.probe import Probe

pytestmark = pytest.mark.slow

NORMS = ("none", "batch", "noisy-batch", "l1", "layer")
PAIRS = [(network, norm) for network in BUILDERS for norm in NORMS]
# Between them every probe, a stream that is drawn from at each pass, and statistics that run.
RICH = [("vgg", "noisy-batch"), ("dln", "batch"), ("dropout", "batch")]
PROBES = [(*pair, probe) for pair in RICH for probe in probes_for(setting(*pair))]


# Trainings that several tests compare are done once; nothing writes to what they left.
@functools.cache
def unwatched(network, norm):
    return watch(setting(network, norm), [])


@functools.cache
def watched(network, norm, *names):
    made = setting(network, norm)
    makers = probes_for(made)
    return watch(made, [makers[name]() for name in names or makers])


def differing(first, second):
    """Names of what differs, at the first step at which anything does."""
    assert len(first.states) == len(second.states) == STEPS
    for one, other in zip(first.states, second.states, strict=True):
        assert one.keys() == other.keys()
        found = [name for name, value in one.items() if other[name] != value]
        if found:
            return found
    return []


@pytest.mark.parametrize(("network", "norm"), PAIRS)
def test_all_probes_together_change_nothing(network, norm):
    under_probes = watched(network, norm)

    assert differing(unwatched(network, norm), under_probes) == []
    assert {reading.step for reading in under_probes.readings} == {0, 2}


@pytest.mark.parametrize(("network", "norm", "probe"), PROBES)
def test_each_probe_alone_changes_nothing(network, norm, probe):
    assert differing(unwatched(network, norm), watched(network, norm, probe)) == []


@pytest.mark.parametrize(("network", "norm"), RICH)
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "in reverse"])
def test_probes_together_read_the_same_as_apart(network, norm, backwards):
    names = list(probes_for(setting(network, norm)))
    together = watched(network, norm, *(names[::-1] if backwards else names))

    for name in names:
        assert together.of(name)
        assert watched(network, norm, name).of(name) == together.of(name)


@pytest.mark.parametrize(("network", "norm"), RICH)
def test_no_hook_is_left_on_any_module(network, norm):
    made = setting(network, norm)
    watch(made, [make() for make in probes_for(made).values()])

    assert [hooks(module) for module in made.model.modules() if hooks(module)] == []


class Faulty(Probe):
    """A probe that leaves a trace: ``fault`` is given the view at each look."""

    def __init__(self, fault):
        super().__init__("faulty", EVERY)
        self._fault = fault

    def cost(self, layers, samples):
        del layers, samples
        return Cost(0, 0)

    def read(self, view):
        with torch.no_grad():
            self._fault(view)
        return []


def model_of(view):
    return view.snapshot.objective.standing.live


def nudges_a_weight(view):
    next(model_of(view).parameters()).view(-1)[0].mul_(1 + 2**-52)


def draws_a_number(view):
    torch.rand(())


def draws_from_numpy(view):
    np.random.random()


def updates_a_buffer(view):
    next(model_of(view).buffers()).view(-1)[0].add_(1e-9)


def runs_the_network(view):
    model_of(view)(view.snapshot.objective.inputs)


def evaluates(view):
    model_of(view).eval()


def clears_a_gradient(view):
    next(model_of(view).parameters()).grad = None


def leaves_a_hook(view):
    model_of(view)[1].features.register_forward_hook(lambda *_: None)


def freezes_a_weight(view):
    next(model_of(view).parameters()).requires_grad_(False)


FAULTS = {
    nudges_a_weight: "value of 1.features.conv1.weight",
    updates_a_buffer: "value of 1.features.norm1.norm.running_mean",
    runs_the_network: "value of 1.features.norm1.norm.num_batches_tracked",
    evaluates: "mode of 1.features.conv1",
    clears_a_gradient: "gradient of 1.features.conv1.weight",
    leaves_a_hook: "hooks of 1.features",
    freezes_a_weight: "requirement of 1.features.conv1.weight",
}


@pytest.mark.parametrize(
    ("fault", "trace"), FAULTS.items(), ids=lambda p: getattr(p, "__name__", "")
)
def test_a_probe_that_leaves_a_trace_is_caught(fault, trace):
    """The comparison above can fail: each planted fault is seen where it was done."""
    clean = unwatched("vgg", "noisy-batch")

    assert trace in differing(clean, watch(setting("vgg", "noisy-batch"), [Faulty(fault)]))


@pytest.mark.parametrize("draw", [draws_a_number, draws_from_numpy])
def test_what_a_probe_draws_from_the_trainings_streams_is_given_back(draw):
    clean = unwatched("vgg", "noisy-batch")

    assert differing(clean, watch(setting("vgg", "noisy-batch"), [Faulty(draw)])) == []


def test_one_last_bit_of_a_reading_is_caught():
    """Nor is the comparison of readings blind."""
    found = watched("vgg", "noisy-batch", "covariate_shift")
    nudged = [
        replace(reading, value=float(np.nextafter(reading.value, np.inf)))
        for reading in found.readings
    ]

    pairs = zip(
        found.of("covariate_shift"),
        Watching(found.states, nudged).of("covariate_shift"),
        strict=True,
    )
    assert all(one != other for one, other in pairs)


PYTHON_STREAM = """
import random
from tests.probes.watched_training import probes_for, watch
from tests.small_networks import setting

made = setting("vgg", "noisy-batch")
probes = [make() for make in probes_for(made).values()]
before = random.getstate()
watch(made, probes)
print(random.getstate() == before)
"""


def test_pythons_own_stream_stands_still():
    """In another process, where beartype does not draw from it."""
    done = subprocess.run(
        [sys.executable, "-c", PYTHON_STREAM], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["True"]
