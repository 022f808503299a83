"""The theorems during a training: both sides, against the public function by hand."""

import numpy as np
import pytest
from tests.probes.one_look import at, readings_of, steps_by_hand
from tests.small_networks import setting
from tests.tolerances import EXACT64

import landscope
from landscope.errors import LandscopeError
from landscope.probes.schedule import EverySteps
from landscope.probes.theory import Theory

CASES = [("vgg", "batch"), ("vgg", "noisy-batch"), ("dln", "batch"), ("dropout", "batch")]


@pytest.mark.parametrize(("network", "norm"), CASES)
@pytest.mark.parametrize("units", [0, 2])
def test_it_is_both_theorems_at_each_look(network, norm, units):
    readings = readings_of(
        Theory(EverySteps(2), units), setting(network, norm), steps=3, l2_penalty=0.02
    )

    for step in steps_by_hand(setting(network, norm), steps=3, l2_penalty=0.02):
        if step.number == 1:
            assert not [reading for reading in readings if reading.step == 1]
            continue
        model, _, inputs, targets = step.batch
        loss = step.setting.loss.function
        theory = landscope.batch_norm_theory(model, loss, inputs, targets, units=units)
        assert len(theory) >= 1
        for norm_theory in theory:
            found = at(readings, step.number, norm_theory.layer)
            assert {quantity: reading.value for quantity, reading in found.items()} == {
                "theorem_4_1_left": norm_theory.lipschitz_left,
                "theorem_4_1_right": norm_theory.lipschitz_right,
                "removed_fraction": norm_theory.removed_fraction,
                "theorem_4_2_left": norm_theory.curvature_left,
                "theorem_4_2_right": norm_theory.curvature_right,
            }
            every = tuple(map(float, range(len(norm_theory.lipschitz_left))))
            assert found["theorem_4_1_left"].axis.values == every
            assert found["theorem_4_2_left"].axis.values == norm_theory.units


def test_in_the_middle_of_a_training_both_are_equalities():
    readings = readings_of(
        Theory(EverySteps(2), 2), setting("vgg", "batch"), steps=3, l2_penalty=0.02
    )

    layers = {reading.layer for reading in readings}
    assert len(layers) == 3
    for layer in layers:
        found = at(readings, 2, layer)
        for theorem in ("theorem_4_1", "theorem_4_2"):
            left, right = found[f"{theorem}_left"].value, found[f"{theorem}_right"].value
            assert max(map(abs, left)) > 0
            EXACT64.check(np.asarray(left), np.asarray(right))
        assert all(0 <= share <= 1 for share in found["removed_fraction"].value)


def test_it_is_about_the_data_alone_and_says_so():
    """The penalty does not reach a norm's inputs; only the weights that it led to do."""
    without, with_penalty = (
        readings_of(Theory(EverySteps(1), 1), setting("mlp", "batch"), steps=1, l2_penalty=strength)
        for strength in (0.0, 0.7)
    )

    assert [r.value for r in without] == [r.value for r in with_penalty]
    assert {str(r.function) for r in with_penalty} == {
        "training mode, the step's own batch, 8 samples, loss without penalty"
    }


@pytest.mark.parametrize("norm", ["none", "l1", "layer"])
def test_a_network_without_batch_norm_is_refused(norm):
    with pytest.raises(
        LandscopeError, match=r"theory at step 0: .*no batch norm in training mode: .*of a batch"
    ):
        readings_of(Theory(EverySteps(1), 1), setting("mlp", norm), steps=1, l2_penalty=0.0)
