"""Lemma 4.5 at the start of a deep linear network, against the lemma written out in numpy."""

import numpy as np
import pytest
from tests.probes.one_look import at, readings_of
from tests.small_networks import TARGET, setting
from tests.tolerances import EXACT64

from landscope.measures.nearest_optimum import aligned_factors
from landscope.probes.optimum import NearestOptimum
from landscope.reading import Status

LAYERS = ["layers.fc1", "layers.fc2", "layers.fc3", "layers.fc4"]


@pytest.fixture(scope="module", params=["none", "batch"])
def looked(request):
    """The readings, and W_0 and W* of each layer."""
    made = setting("dln", request.param)
    starts = [made.model.get_parameter(f"{layer}.weight").detach().clone() for layer in LAYERS]
    readings = readings_of(NearestOptimum(TARGET), made, steps=3, l2_penalty=0.0)
    factors = aligned_factors(TARGET, starts)
    pairs = zip(starts, factors, strict=True)
    return readings, [(start.numpy(), factor.numpy()) for start, factor in pairs]


def test_it_looks_at_the_start_and_at_each_layer_that_a_norm_follows(looked):
    readings, _ = looked

    assert {reading.step for reading in readings} == {0}
    assert list(dict.fromkeys(reading.layer for reading in readings)) == LAYERS[:-1]
    assert {(r.unit, r.status) for r in readings} == {("parameter^2", Status.OK)}
    assert {str(r.function) for r in readings} == {"the weights alone: no mode, no batch, no loss"}


def test_the_optimum_is_one(looked):
    """The product of its matrices is the target."""
    _, pairs = looked
    product = np.eye(len(TARGET))
    for _, factor in pairs:
        product = factor @ product

    EXACT64.check(product, TARGET.numpy())


def test_both_sides_are_those_of_the_lemma(looked):
    readings, pairs = looked
    for layer, (start, optimum) in zip(LAYERS[:-1], pairs, strict=False):
        found = {name: reading.value for name, reading in at(readings, 0, layer).items()}
        inner, square = (start * optimum).sum(), (optimum**2).sum()
        scales = np.linspace(0, 2 * inner / square, 2001)  # the best scale is in the middle
        left = min(((start - scale * optimum) ** 2).sum() for scale in scales)

        EXACT64.check(found["lemma_4_5_inner"], inner)
        EXACT64.check(found["lemma_4_5_plain"], ((start - optimum) ** 2).sum())
        EXACT64.check(
            found["lemma_4_5_right"],
            ((start - optimum) ** 2).sum() - (square - inner) ** 2 / square,
        )
        EXACT64.check(found["lemma_4_5_left"], left)
        assert found["lemma_4_5_left_by_row"] <= found["lemma_4_5_left"]


def test_the_lemma_speaks_and_holds(looked):
    """A start that is turned towards has a positive inner product, and is nearer to the ray."""
    readings, _ = looked
    for layer in LAYERS[:-1]:
        found = {name: reading.value for name, reading in at(readings, 0, layer).items()}

        assert found["lemma_4_5_inner"] > 0
        assert found["lemma_4_5_left"] <= found["lemma_4_5_right"] * (1 + EXACT64.rtol)
        assert found["lemma_4_5_left"] < found["lemma_4_5_plain"]
