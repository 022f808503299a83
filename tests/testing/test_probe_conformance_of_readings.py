"""What a probe says and declares: the suite for probes finds planted faults in it."""

import math
from dataclasses import replace

import pytest
from tests.testing.planted import Faulty, Slope, suite_of

from landscope.cost import Cost
from landscope.errors import UsageError
from landscope.objective.parameters import norm
from landscope.probes.schedule import EverySteps
from landscope.reading import Axis, Reading

TWO = Axis("eta", "step size", (1.0, 2.0))
WORDS = {
    "said to be of 'other'; the probe's id is 'slope'": {"probe": "other"},
    "is of step 7, not of 1": {"step": 7},
    "'a/b' is no name": {"quantity": "a/b"},
    "'' is no name": {"quantity": ""},
    "has no unit": {"unit": ""},
    "does not say which function": {"function": ""},
    "has 2 values at 0 coordinates": {"value": (1.0, 2.0)},
    "has 1 values at 3 coordinates": {
        "value": (1.0,),
        "axis": Axis("eta", "step size", (1.0, 2.0, 3.0)),
    },
    "has 4 values at 2 coordinates": {"value": (1.0,) * 4, "axis": TWO},
}


@pytest.mark.parametrize(("said", "changes"), WORDS.items())
def test_a_reading_that_says_too_little_is_found(said, changes):
    def fault(view, readings):
        return [replace(readings[0], **changes)]

    with pytest.raises(AssertionError, match=said):
        suite_of(lambda schedule: Faulty(schedule, fault)).test_readings_say_what_they_are()


def test_two_readings_of_one_name_are_found():
    suite = suite_of(lambda schedule: Faulty(schedule, lambda _, readings: readings * 2))

    with pytest.raises(AssertionError, match="two readings have one key"):
        suite.test_readings_say_what_they_are()


def test_a_probe_that_reads_nothing_is_found():
    class Silent(Slope):
        def read(self, _):
            return []

    with pytest.raises(AssertionError, match="reads nothing of the convolutional network"):
        suite_of(Silent).test_readings_say_what_they_are()


@pytest.mark.parametrize("name", ["", "a/b"])
def test_an_id_that_is_none_is_found(name):
    def make(schedule):
        made = Slope(schedule)
        made.id = name
        return made

    with pytest.raises(AssertionError, match=f"{name!r} is no id"):
        suite_of(make).test_readings_say_what_they_are()


class Length(Slope):
    """Of the update: infinite where that is."""

    def read(self, view):
        if view.snapshot is None:
            return []
        before, after = view.snapshot.before, view.snapshot.after
        length = float(norm({name: after[name] - before[name] for name in after}))
        return self.said(view, length)

    def said(self, view, length):
        return [self.reading(view, "length", length, unit="parameter")]


class Hopeful(Length):
    def said(self, view, length):
        return [Reading(view.step, self.id, "length", length, "parameter", function="the step")]


class Refusing(Length):
    def said(self, view, length):
        if not math.isfinite(length):
            raise UsageError("an update that is not finite", "it has no length", "take less")
        return super().said(view, length)


@pytest.mark.parametrize("honest", [Length, Refusing])
def test_honest_words_about_a_step_beyond_all_bounds_pass(honest):
    suite_of(honest).test_values_are_finite_or_say_that_they_are_not()


def test_a_value_that_is_not_finite_and_does_not_say_so_is_found():
    with pytest.raises(
        AssertionError, match=r"slope/length of the convolutional network is (inf|nan) and ok"
    ):
        suite_of(Hopeful).test_values_are_finite_or_say_that_they_are_not()


def declaring(declared):
    class Declared(Slope):
        def cost(self, _):
            return declared

    return Declared


@pytest.mark.parametrize("declared", [Cost(0, 0), Cost(1, 0), Cost(0, 1), Cost(0.99, 1)])
def test_a_cost_above_the_declared_is_found(declared):
    with pytest.raises(AssertionError, match=r"the first look at the .* operations, and"):
        suite_of(declaring(declared)).test_it_costs_no_more_than_it_declares()


def test_a_cost_that_comes_at_the_second_look_is_found():
    class Twice(Slope):
        looks = 0

        def read(self, view):
            self.looks += 1
            return [super(Twice, self).read(view) for _ in range(self.looks)][-1]

    with pytest.raises(AssertionError, match="the second look at the convolutional network"):
        suite_of(Twice).test_it_costs_no_more_than_it_declares()


class Turning(Slope):
    """What the update before was, where it is known."""

    def read(self, view):
        shot = view.snapshot
        readings = super().read(view)
        if shot is not None and shot.previous is not None:
            length = float(norm(shot.previous))
            readings.append(self.reading(view, "previous", length, unit="parameter"))
        return readings


class Declares(Turning):
    needs_previous = True


class Insists(Declares):
    def read(self, view):
        return [] if view.snapshot is None else self.of(view, view.snapshot.previous)

    def of(self, view, previous):
        return [self.reading(view, "previous", float(len(previous)), unit="parameter")]


PREVIOUS = "test_what_it_makes_of_the_update_before_is_declared"


def test_what_is_made_of_the_update_before_must_be_declared():
    getattr(suite_of(Declares), PREVIOUS)()

    with pytest.raises(AssertionError, match=r"needs_previous is False.* for slope/previous"):
        getattr(suite_of(Turning), PREVIOUS)()


def test_a_probe_that_cannot_do_without_the_update_before_is_found():
    with pytest.raises(TypeError, match="NoneType"):
        getattr(suite_of(Insists), PREVIOUS)()
    with pytest.raises(AssertionError, match="fails on the convolutional network: TypeError"):
        suite_of(Insists).test_a_training_under_it_is_the_training_without_it()


def test_readings_of_nothing_are_found():
    class Inventive(Slope):
        def read(self, view):
            return [self.reading(view, "norm", 1.0)]

    with pytest.raises(AssertionError, match="made readings of nothing"):
        suite_of(Inventive).test_a_step_without_a_snapshot_gives_no_readings()


def test_a_probe_with_a_schedule_of_its_own_is_found():
    with pytest.raises(
        AssertionError, match=r"it read at steps \[0, 1, 2\], and \[0, 2\] were due"
    ):
        suite_of(lambda _: Slope(EverySteps(1))).test_it_looks_when_its_schedule_says()
