"""`covariate_shift` is Definition 2.1 for any network, and cuts each of them."""

import pytest
from tests.measures.any_network import NETWORKS, any_network
from tests.measures.definition_2_1 import (
    assert_is_definition_2_1,
    assert_line_is_a_walk_by_hand,
    by_hand,
    measured,
)

every_network = pytest.mark.parametrize("name", NETWORKS)


@every_network
def test_each_layer_of_any_network_is_what_definition_2_1_says(name):
    case = any_network(name)
    expected = by_hand(case)

    assert_is_definition_2_1(measured(case), case, expected)
    assert all(shift.relative > 1e-3 for shift in expected[1:])


@every_network
def test_any_network_can_be_cut(name):
    case = any_network(name)

    assert [shift.obstacle for shift in measured(case)] == [None] * len(case.layers)


@every_network
def test_the_first_layer_has_no_shift_at_all(name):
    first = measured(any_network(name))[0]

    assert (first.l2, first.relative) == (0.0, 0.0)


@every_network
def test_the_line_of_any_network_is_a_walk_by_hand(name):
    assert_line_is_a_walk_by_hand(any_network(name))
