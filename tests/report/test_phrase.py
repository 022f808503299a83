"""Numbers in words."""

import math

import pytest

from landscope.report.phrase import amount, change, times


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "1.23e+04"), (0.5, "0.5"), (math.inf, "an overflow")]
)
def test_an_amount_has_three_digits(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (2.04, "2 times"),
        (13.4, "13 times"),
        (445_000.0, "440,000 times"),
        (1e6, "over a million times"),
        (1e17, "over a million times"),
    ],
)
def test_times_has_two_digits(ratio: float, text: str) -> None:
    assert times(ratio) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1.0, 1.0, "the same"),
        (math.inf, math.inf, "the same"),
        (26.0, 2.0, "13 times smaller"),
        (2.0, 26.0, "13 times larger"),
        (1.0, 1.87, "87% larger"),
        (1.0, 0.6, "40% smaller"),
        (1.0, 1.0001, "less than 1% larger"),
        (0.0, 2.0, "larger"),
        (2.0, 0.0, "smaller"),
        (math.inf, 2.0, "smaller"),
        (2.0, math.inf, "larger"),
    ],
)
def test_a_change_says_which_way_and_how_far(before: float, after: float, text: str) -> None:
    assert change(before, after) == text
