"""The scope: lets probes look when they are due, and writes what they read with its seconds."""

import time

import pytest
import torch

from landscope.cost import Cost
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps, FirstStep
from landscope.probes.snapshot import StepView
from landscope.reading import Status
from landscope.scope.instrument import Instrument


def view(step):
    return StepView(step, 0.1, torch.tensor(1.0), torch.tensor(1.0), None)


class Counting(Probe):
    """Reads the number of its look, after a while."""

    def __init__(self, name, schedule, *, seconds=0.0):
        super().__init__(name, schedule)
        self.looks = 0
        self.seconds = seconds

    def cost(self, work):
        del work
        return Cost(0, 0)

    def read(self, view):
        self.looks += 1
        time.sleep(self.seconds)
        return [
            self.reading(view, "looks", float(self.looks)),
            self.reading(view, "twice", (1.0 * self.looks, 2.0 * self.looks)),
        ]


def test_a_step_is_due_where_any_probe_looks():
    instrument = Instrument([Counting("a", EverySteps(4)), Counting("b", EverySteps(3))], [].append)

    assert [step for step in range(10) if instrument.due(step)] == [0, 3, 4, 6, 8, 9]


def test_without_probes_nothing_is_ever_due():
    written = []
    instrument = Instrument([], written.append)
    instrument.measure(view(0))

    assert not any(instrument.due(step) for step in range(10))
    assert written == []


def test_each_probe_looks_when_it_is_due_and_in_the_order_given():
    written = []
    probes = [Counting("a", EverySteps(2)), Counting("b", FirstStep())]
    instrument = Instrument(probes, written.append)
    for step in range(5):
        instrument.measure(view(step))

    assert [probe.looks for probe in probes] == [3, 1]
    assert [(r.step, r.probe) for r in written if r.quantity == "looks"] == [
        (0, "a"),
        (0, "b"),
        (2, "a"),
        (4, "a"),
    ]


def test_readings_share_the_seconds_of_their_own_look():
    written = []
    probes = [Counting("slow", EverySteps(1), seconds=0.05), Counting("fast", EverySteps(1))]
    Instrument(probes, written.append).measure(view(0))

    slow, fast = ({r.seconds for r in written if r.probe == name} for name in ("slow", "fast"))
    assert len(slow) == len(fast) == 1
    assert slow.pop() >= 0.05
    assert 0 < fast.pop() < 0.05


def test_a_probe_that_fails_has_written_nothing():
    class Failing(Counting):
        def read(self, view):
            super().read(view)
            raise KeyError("from inside the probe")

    written = []
    instrument = Instrument(
        [Counting("a", EverySteps(1)), Failing("b", EverySteps(1))], written.append
    )

    with pytest.raises(KeyError, match="from inside the probe"):
        instrument.measure(view(0))

    assert {reading.probe for reading in written} == {"a"}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (1.0, Status.OK),
        (float("nan"), Status.NONFINITE),
        (float("inf"), Status.NONFINITE),
        ((1.0, 2.0), Status.OK),
        ((1.0, float("-inf")), Status.NONFINITE),
        ((), Status.OK),
    ],
)
def test_a_value_that_is_not_finite_says_so(value, status):
    assert Counting("a", FirstStep()).reading(view(3), "q", value).status is status
