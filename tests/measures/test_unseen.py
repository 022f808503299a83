"""What torch does where a recorder does not see it: never a wrong number for it."""

import pytest
from tests.measures.definition_2_1 import assert_is_definition_2_1, by_hand, measured
from tests.measures.zoo.operations import UNSEEN, around


@pytest.mark.parametrize("name", UNSEEN)
def test_each_layer_is_what_definition_2_1_says(name):
    case = around(UNSEEN[name])
    expected = by_hand(case)

    assert_is_definition_2_1(measured(case), case, expected)
    assert all(shift.relative > 1e-3 for shift in expected[1:])


@pytest.mark.parametrize("name", UNSEEN)
def test_the_reading_says_why(name):
    assert all(shift.obstacle for shift in measured(around(UNSEEN[name])))
