import math

import pytest

from landscope.errors import UsageError
from landscope.studies.keeping import keeping_of


@pytest.mark.parametrize("seconds", [0.0, 30.0, math.inf])
def test_a_number_of_seconds_is_taken(seconds: float) -> None:
    assert keeping_of(seconds, accept_changes=True).seconds == seconds


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
def test_any_other_is_refused(seconds: float) -> None:
    rule = "checkpoint-every = (-1|nan): it is a number of seconds, at least 0; give 30 for one"
    with pytest.raises(UsageError, match=rule):
        keeping_of(seconds, accept_changes=False)
