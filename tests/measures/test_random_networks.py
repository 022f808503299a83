"""Networks built at random: each equals Definition 2.1 by hand."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from tests.measures.definition_2_1 import by_hand, measured
from tests.measures.networks import built
from tests.measures.random_network import PLANS, random_case
from tests.tolerances import EXACT64


def assert_is_definition_2_1(plan):
    """A network that torch itself can differentiate, measured and done by hand.

    Deviations are on the scale of the whole network: at random, a layer's gradient may well be
    rounding and nothing else.
    """
    case = built(lambda: random_case(plan))
    try:
        expected = by_hand(case)
    except RuntimeError as error:
        # Of something that the backward pass needs and that was written on meanwhile.
        assume("inplace" not in str(error))
        raise

    shifts = measured(case)

    assert [shift.layer for shift in shifts] == list(case.layers)
    for quantity in ("l2", "gradient_norm"):
        EXACT64.check(
            [getattr(shift, quantity) for shift in shifts],
            [getattr(shift, quantity) for shift in expected],
        )
    EXACT64.check(
        np.nan_to_num([shift.cosine * shift.gradient_norm for shift in shifts]),
        np.nan_to_num([shift.cosine * shift.gradient_norm for shift in expected]),
    )


every_plan = given(plan=PLANS)
any_pace = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.filter_too_much, HealthCheck.too_slow],
}


@every_plan
@settings(max_examples=60, **any_pace)
def test_a_few_random_networks(plan):
    assert_is_definition_2_1(plan)


@pytest.mark.long
@every_plan
@settings(max_examples=1000, **any_pace)
def test_many_random_networks(plan):
    assert_is_definition_2_1(plan)
