"""Unusual networks and batches that are measured all the same."""

import re

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.definition_2_1 import by_hand, measured
from tests.measures.networks import ThreeLayers, build, built, three_layers
from torch import nn

from landscope.errors import UsageError

AFTER = "after has the unknown entry '{}'"


class Idles(ThreeLayers):
    """Runs a layer whose output nobody reads."""

    def __init__(self):
        super().__init__()
        self.idle = nn.Linear(5, 2)

    def between(self, h):
        self.idle(h)
        return super().between(h)


def test_a_layer_that_the_loss_does_not_see_has_no_gradient_and_no_direction():
    case = built(lambda: three_layers(Idles()))

    first, idle, second, third = measured(case)

    assert [s.layer for s in (first, idle, second, third)] == ["first", "idle", "second", "third"]
    assert (idle.l2, idle.gradient_norm) == (0.0, 0.0)
    assert np.isnan(idle.relative)
    assert np.isnan(idle.cosine)
    assert_exact([second.l2, third.l2], [s.l2 for s in by_hand(case)[1:]])


def test_a_state_dict_holds_more_than_parameters():
    case = build("mlp with batch norm")
    after = dict(case.model.state_dict())

    with pytest.raises(UsageError, match=re.escape(AFTER.format("1.running_mean"))):
        measured(case, after=after)


def test_the_second_name_of_a_tied_weight_is_unknown():
    case = build("tied")
    after = dict(case.model.named_parameters(remove_duplicate=False))

    with pytest.raises(UsageError, match=re.escape(AFTER.format("decoder.weight"))):
        measured(case, after=after)


def test_a_step_whose_tensors_require_a_gradient():
    case = build("convolutional")
    after = {n: t.requires_grad_() for n, t in case.parameters_after_a_step().items()}

    assert measured(case, after=after) == measured(case)
    assert all(tensor.grad is None for tensor in after.values())


def test_inputs_that_require_a_gradient():
    case = build("convolutional")
    expected = measured(case)
    case.inputs.requires_grad_()

    assert measured(case) == expected
    assert case.inputs.grad is None


def test_where_the_caller_has_turned_gradients_off():
    case = build("convolutional")
    expected = measured(case)

    with torch.no_grad():
        assert measured(case) == expected
