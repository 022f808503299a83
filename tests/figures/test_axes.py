import numpy as np
import pytest

from landscope.figures.axes import log_axis, log_ticks, percent_axis, step_axis, tick_parts
from landscope.figures.spec import Curve, EarlyEnd, Entry, Scale


def test_log_axis_holds_all_values() -> None:
    axis, notes = log_axis("loss", [np.array([0.5, 80.0]), np.array([3.0])])
    assert axis.scale is Scale.LOG
    assert axis.low is not None
    assert axis.high is not None
    assert axis.low < 0.5
    assert axis.high > 80
    assert notes == ()


def test_log_axis_counts_what_it_cannot_show() -> None:
    values = np.array([1.0, 2.0, 0.0, 0.0, np.inf, np.nan])
    _, notes = log_axis("loss", [values])
    assert notes == (
        "not on the log axis: 2 readings of 0",
        "1 reading overflowed, drawn to the top",
    )


def test_log_axis_is_not_squeezed_by_one_outlier() -> None:
    values = np.concatenate([np.full(200, 2.0), [1e30]])
    axis, notes = log_axis("loss", [values])
    assert axis.high is not None
    assert axis.high < 100
    assert notes == ("1 reading above the axis, to 1e+30",)


def test_log_axis_says_what_lies_below() -> None:
    axis, notes = log_axis("loss", [np.concatenate([np.full(200, 2.0), [1e-20]])])
    assert axis.low is not None
    assert axis.low > 0.01
    assert notes == ("1 reading below the axis, to 1e-20",)


@pytest.mark.parametrize("values", [np.array([]), np.zeros(3), np.full(3, np.nan)])
def test_log_axis_without_a_positive_value(values: np.ndarray) -> None:
    axis, notes = log_axis("loss", [values])
    assert (axis.low, axis.high) == (0.1, 10.0)
    assert notes[-1] == "no positive reading"


def test_step_axis_reaches_to_where_a_run_broke_off() -> None:
    entry = Entry("No norm", "none", "VGG", ending=EarlyEnd(70, "diverged at step 70"))
    axis = step_axis([Curve(entry, (0.0, 20.0), (1.0, 1.0))])
    assert axis.high == pytest.approx(70 * 1.015)


def test_percent_axis_says_its_unit() -> None:
    assert percent_axis("test accuracy").label == "test accuracy (%)"


@pytest.mark.parametrize("low", [3.1e-9, 0.4, 1.01, 2.1, 5.1, 7e4])
@pytest.mark.parametrize("factor", [1.01, 1.3, 2.0, 4.9, 9.8, 50.0, 140.0, 160.0, 1e5, 1e12, 1e40])
def test_log_ticks_are_neither_few_nor_many(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor)
    assert (3 if factor < 150 else 2) <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    assert low <= ticks[0]
    assert ticks[-1] <= low * factor


@pytest.mark.parametrize(
    ("tick", "parts"),
    [
        (0.001, ("0.001", 0)),
        (80000.0, ("80000", 0)),
        (1e5, ("1", 5)),
        (1.2e5, ("1.2", 5)),
        (5e-4, ("5", -4)),
        (1e-10, ("1", -10)),
    ],
)
def test_long_numbers_have_a_power_of_ten(tick: float, parts: tuple[str, int]) -> None:
    assert tick_parts(tick) == parts
