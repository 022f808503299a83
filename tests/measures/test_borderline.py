"""Cut or not: the numbers are Definition 2.1, and nothing is disturbed."""

import pytest
from tests.measures.definition_2_1 import (
    assert_is_definition_2_1,
    assert_leaves_no_trace,
    assert_line_is_a_walk_by_hand,
    by_hand,
    measured,
)
from tests.measures.networks import built
from tests.measures.zoo.borderline import NETWORKS

every_network = pytest.mark.parametrize("name", NETWORKS)


@every_network
def test_each_layer_is_what_definition_2_1_says(name):
    case = built(NETWORKS[name])
    expected = by_hand(case)

    assert_is_definition_2_1(measured(case), case, expected)
    assert all(shift.relative > 1e-3 for shift in expected[1:])


@every_network
def test_its_line_is_a_walk_by_hand(name):
    assert_line_is_a_walk_by_hand(built(NETWORKS[name]))


@every_network
def test_no_trace(name):
    assert_leaves_no_trace(built(NETWORKS[name]))
