"""`covariate_shift` is Definition 2.1 for any network, and disturbs nothing."""

import pytest
from tests.measures.any_network import NETWORKS, any_network
from tests.measures.definition_2_1 import (
    assert_is_definition_2_1,
    assert_leaves_no_trace,
    assert_line_is_a_walk_by_hand,
    by_hand,
    measured,
)
from tests.measures.zoo.looks import LOOKS, stood_at

from landscope.objective.objective import Objective

# Torch's own forward mode asks for it at first use.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

every_network = pytest.mark.parametrize("name", NETWORKS)

# These take derivatives as they run, or hide a part of the graph: the whole pass runs each time.
WHOLE = {
    "forces",
    "torch.func.grad",
    "a reentrant checkpoint",
    "a penalty on a slope",
}


@every_network
def test_each_layer_is_what_definition_2_1_says(name):
    case = any_network(name)
    expected = by_hand(case)

    assert_is_definition_2_1(measured(case), case, expected)
    assert all(shift.relative > 1e-3 for shift in expected[1:])


@every_network
def test_what_modules_gave_is_given_again(name, monkeypatch):
    """Should a pass not run with it, the numbers would be as right, and cost twice as much."""
    whole = set()
    gradient = Objective.gradient

    def noted(self, parameters, **options):
        whole.update(options.get("of") or ())
        return gradient(self, parameters, **options)

    monkeypatch.setattr(Objective, "gradient", noted)

    measured(any_network(name))

    assert bool(whole) == (name in WHOLE)


@every_network
def test_the_first_layer_has_no_shift_at_all(name):
    first = measured(any_network(name))[0]

    assert (first.l2, first.relative) == (0.0, 0.0)


@every_network
def test_the_line_of_any_network_is_a_walk_by_hand(name):
    assert_line_is_a_walk_by_hand(any_network(name))


@every_network
def test_no_trace(name):
    assert_leaves_no_trace(any_network(name))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("behind", "before"), [("first", ()), ("second", ("first",))])
def test_a_layers_own_step_changes_the_way_that_the_network_goes(look, behind, before):
    """Else nothing would tell a wrong way from a right one."""
    case = any_network(f"Python looks: {look}")

    def way(*moved):
        given = dict(zip(("first", "second"), stood_at(case, moved).upto(case.inputs), strict=True))
        return case.model.way(given[behind], behind)

    assert way(*before) != way(*before, behind)
