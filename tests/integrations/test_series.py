"""A reading as named numbers, a histogram and a remark."""

import math
from dataclasses import replace

import pytest
from tests.integrations.readings import GIVEN, MADE, NUMBERS, READINGS, REMARKS, same_numbers

from landscope.integrations.series import MOST_LINES, histogram_of, numbers_of, remark_of
from landscope.reading import Axis, Reading, Status

HISTOGRAMS = {reading.key: histogram_of(reading) for reading in READINGS if histogram_of(reading)}
LONG = next(reading for reading in READINGS if reading.key == MADE)


def test_each_number_has_its_name_and_what_is_not_believed_is_nan():
    found = {(r.step, name): x for r in READINGS for name, x in numbers_of(r).items()}

    assert same_numbers(found, NUMBERS)


def test_what_a_number_cannot_say_is_said_in_words():
    assert {(r.step, r.key): remark_of(r) for r in READINGS if remark_of(r)} == REMARKS


def test_a_histogram_stays_the_one_that_it_is():
    assert set(HISTOGRAMS) == {GIVEN, MADE}
    assert HISTOGRAMS[GIVEN].heights == (0.5, 1.5, 1.0)
    assert HISTOGRAMS[GIVEN].edges == (0.0, 1.0, 2.0, 4.0)


def test_a_long_list_is_the_histogram_of_its_finite_values():
    made = HISTOGRAMS[MADE]

    assert sum(made.heights) == 63
    assert (made.edges[0], made.edges[-1]) == (0.0, 62.0)


@pytest.mark.parametrize("count", [0, 1, MOST_LINES, MOST_LINES + 1])
def test_a_list_is_lines_or_a_histogram_and_never_both(count):
    values = tuple(map(float, range(count)))
    reading = Reading(0, "probe", "list", values, axis=Axis("unit", "1", values))

    lines = numbers_of(reading)
    assert len(lines) == (count if count <= MOST_LINES else 0)
    assert (histogram_of(reading) is None) == (count <= MOST_LINES)


def test_a_list_without_an_axis_is_numbered():
    assert numbers_of(Reading(0, "probe", "list", (4.0, 5.0))) == {
        "probe/list/0": 4.0,
        "probe/list/1": 5.0,
    }


@pytest.mark.parametrize(
    "reading",
    [
        replace(LONG, value=(math.nan,) * 64),
        replace(LONG, status=Status.UNCONVERGED),
        Reading(0, "probe", "bins", (1.0, math.nan), axis=Axis("at", "1", (0.0, 1.0, 2.0))),
    ],
    ids=["nothing finite", "not converged", "a bin that is not finite"],
)
def test_where_no_histogram_can_be_made_there_is_none(reading):
    assert numbers_of(reading) == {}
    assert histogram_of(reading) is None
    assert remark_of(reading) is not None
