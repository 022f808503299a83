"""The covariate shift's arithmetic, by torch's counter, against the floor's closed formulas."""

import functools

import pytest

from benchmarks.floor import count
from benchmarks.networks import NETWORKS
from benchmarks.step import Step
from landscope.objective.arithmetic import operations_in

MOST_SEQUENTIAL = 1.02
MOST_OTHER = 1.05

EACH = pytest.mark.parametrize(
    "network",
    [
        pytest.param(network, marks=[pytest.mark.slow] if "vgg" in network.name else [])
        for network in NETWORKS
    ],
    ids=lambda network: network.title,
)


@functools.cache
def arithmetic(network):
    """The floor's count, and what ours takes."""
    step = Step.taken(network, samples=2)
    return count(step.layers), operations_in(step.ours)


@EACH
def test_all_layers_take_no_more_than_the_floor(network):
    floor, ours = arithmetic(network)

    assert ours <= (MOST_SEQUENTIAL if network.sequential else MOST_OTHER) * floor.floor


@EACH
def test_nothing_is_computed_twice(network):
    """Where layer 1, whose shift is zero by definition, is left out: not one operation more."""
    floor, ours = arithmetic(network)

    assert ours <= floor.floor_from_second


@EACH
def test_every_layer_is_measured_on_the_cut_network(network):
    step = Step.taken(network, samples=2)

    shifts = step.ours()

    assert [shift.layer for shift in shifts] == [layer.name for layer in step.layers]
    assert {shift.obstacle for shift in shifts} == {None}
