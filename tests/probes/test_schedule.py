"""Schedules: the steps at which a probe measures."""

import pytest

from landscope.errors import UsageError
from landscope.probes.schedule import EverySteps, FirstStep


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        (EverySteps(1), [0, 1, 2, 3, 4, 5, 6, 7]),
        (EverySteps(3), [0, 3, 6]),
        (EverySteps(100), [0]),
        (FirstStep(), [0]),
    ],
)
def test_step_0_is_always_among_them(schedule, due):
    assert [step for step in range(8) if schedule.due(step)] == due


@pytest.mark.parametrize("count", [0, -3])
def test_a_cadence_is_positive(count):
    with pytest.raises(UsageError, match=rf"count = {count}: .*positive number of steps; give 1"):
        EverySteps(count)
