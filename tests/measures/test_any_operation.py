"""Whatever stands between two layers, the shift is Definition 2.1, and nothing is disturbed."""

import pytest
from tests.measures.definition_2_1 import (
    assert_is_definition_2_1,
    assert_leaves_no_trace,
    by_hand,
    measured,
)
from tests.measures.zoo.operations import OPERATIONS, around


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_layer_is_what_definition_2_1_says(name):
    case = around(OPERATIONS[name])
    expected = by_hand(case)

    assert_is_definition_2_1(measured(case), case, expected)
    assert all(shift.relative > 1e-3 for shift in expected[1:])


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_trace(name):
    assert_leaves_no_trace(around(OPERATIONS[name]))
