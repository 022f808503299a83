"""The covariate shift's arithmetic, by torch's counter, against the floor's closed formulas."""

import functools

import pytest
from torch import nn

from benchmarks.floor import count
from benchmarks.networks import NETWORKS
from benchmarks.step import Step
from landscope.objective.arithmetic import operations_in

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
    """The layers as hooks see them, the floor's count, and what ours takes."""
    step = Step.taken(network, samples=2)
    return step.layers, count(step.layers), operations_in(step.ours)


@EACH
def test_all_layers_take_no_more_than_the_floor(network):
    _, floor, ours = arithmetic(network)

    assert ours <= floor.floor


@EACH
def test_nothing_is_computed_twice(network):
    """Where layer 1, whose shift is zero by definition, is left out: not one operation more.

    Attention is one module with two layers. For the second, all of it runs again.
    """
    layers, floor, ours = arithmetic(network)
    attention = [
        row.forward
        for layer, row in zip(layers, floor.layers, strict=True)
        if isinstance(layer.module, nn.MultiheadAttention)
    ]

    assert ours == floor.floor_from_second + sum(attention)


@EACH
def test_every_layer_is_measured(network):
    step = Step.taken(network, samples=2)

    assert [shift.layer for shift in step.ours()] == [layer.name for layer in step.layers]


@EACH
def test_the_baselines_take_what_the_formulas_say(network):
    step = Step.taken(network, samples=2)
    floor = count(step.layers)

    assert operations_in(step.frugal) == floor.frugal
    assert operations_in(step.literal) == floor.literal
