"""Networks that cannot be cut are measured the textbook's way: the same numbers, and it is said."""

import pytest
from tests.measures.definition_2_1 import (
    assert_is_definition_2_1,
    assert_leaves_no_trace,
    assert_line_is_a_walk_by_hand,
    by_hand,
    measured,
)
from tests.measures.zoo.uncuttable import LOOKS, NETWORKS, stood_at, uncuttable

every_network = pytest.mark.parametrize("name", NETWORKS)


@every_network
def test_each_layer_is_what_definition_2_1_says(name):
    case = uncuttable(name)
    expected = by_hand(case)

    assert_is_definition_2_1(measured(case), case, expected)
    assert all(shift.relative > 1e-3 for shift in expected[1:])


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("behind", "before"), [("first", ()), ("second", ("first",))])
def test_a_layers_own_step_changes_the_way_that_the_network_goes(look, behind, before):
    """Else nothing would tell a wrong cut from a right one."""
    case = uncuttable(f"Python looks: {look}")

    def way(*moved):
        given = dict(zip(("first", "second"), stood_at(case, moved).upto(case.inputs), strict=True))
        return case.model.way(given[behind], behind)

    assert way(*before) != way(*before, behind)


@every_network
def test_its_line_is_a_walk_by_hand(name):
    assert_line_is_a_walk_by_hand(uncuttable(name))


@every_network
def test_no_trace(name):
    assert_leaves_no_trace(uncuttable(name))


@every_network
def test_the_reading_says_why(name):
    obstacles = {shift.obstacle for shift in measured(uncuttable(name))}

    assert len(obstacles) == 1
    assert obstacles.pop()
