"""Axes that fit their data, and say what they leave out."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from landscope.figures.spec import Band, Curve, PlotAxis, Scale
from landscope.text import counted

Values = NDArray[np.float64]

_OUTLIER = 1e3
"""On a log axis, values this many times beyond the central 96 % do not choose the limits."""
_BEYOND = 30.0
"""How far beyond the central 96 % the axis then reaches."""
_FEW_DECADES = 2.2
"""A log axis of fewer is short and has ticks within its decades."""
_MOST_DECADES = 6
"""With more decades than this, some go without a tick."""
_LEAST_TICKS = 3
_NARROW = 6.0
"""Positive values that span less than this factor are drawn on a linear axis."""


def step_axis(drawn: Sequence[Curve | Band]) -> PlotAxis:
    """An axis of steps, from 0 to the last that is drawn or at which a run broke off."""
    ends = [0 if each.entry.ending is None else each.entry.ending.step for each in drawn]
    return step_axis_to(max([1.0, *ends, *(x for each in drawn for x in each.x)]))


def step_axis_to(last: float) -> PlotAxis:
    """An axis of steps from 0 to the last."""
    return PlotAxis("step", low=-0.015 * last, high=1.015 * last)


def percent_axis(label: str) -> PlotAxis:
    """An axis for shares, from nothing to all."""
    return PlotAxis(f"{label} (%)", Scale.LINEAR, 0.0, 102.0)


def log_axis(label: str, values: Iterable[Values]) -> tuple[PlotAxis, tuple[str, ...]]:
    """A log axis for positive values, with notes on what it cannot show.

    Args:
        label: The label, with its unit.
        values: All that the panel draws; gaps are NaN.

    Returns:
        The axis with both limits, and one note for each kind of reading that is not on it.
    """
    pooled = _pooled(values)
    finite = pooled[np.isfinite(pooled)]
    positive = finite[finite > 0]
    notes: list[str] = []
    if positive.size < finite.size:
        what = "0 or less" if (finite < 0).any() else "0"
        notes.append(
            f"not on the log axis: {counted(finite.size - positive.size, 'reading')} of {what}"
        )
    if overflowed := int(np.isposinf(pooled).sum()):
        notes.append(f"{counted(overflowed, 'reading')} overflowed, drawn to the top")
    if not positive.size:
        return PlotAxis(label, Scale.LOG, 0.1, 10.0), (*notes, "no positive reading")
    low, high = _log_limits(positive)
    above, below = positive[positive > high], positive[positive < low]
    if above.size:
        notes.append(f"{counted(above.size, 'reading')} above the axis, to {above.max():.2g}")
    if below.size:
        notes.append(f"{counted(below.size, 'reading')} below the axis, to {below.min():.2g}")
    return PlotAxis(label, Scale.LOG, low, high), tuple(notes)


def value_axis(
    label: str, values: Iterable[Values], *, signed: bool = False
) -> tuple[PlotAxis, tuple[str, ...]]:
    """A log axis for positive values that span some, else a linear one; notes as `log_axis`.

    Args:
        label: The label, with its unit.
        values: All that the panels draw.
        signed: Whether 0 and less is as good a value as any, which a log axis has no place for.
    """
    pooled = _pooled(values)
    finite = pooled[np.isfinite(pooled)]
    positive = finite[finite > 0]
    narrow = positive.size == finite.size > 0 and positive.max() < _NARROW * positive.min()
    if finite.size and (narrow or (signed and positive.size < finite.size)):
        return linear_axis(label, finite.tolist(), 0.05), ()
    return log_axis(label, [pooled])


def linear_axis(label: str, values: Sequence[float], air: float) -> PlotAxis:
    """A linear axis with air around the values, as a share of what they span."""
    low, high = min(values), max(values)
    margin = air * (high - low or abs(high) or 1.0)
    return PlotAxis(label, low=low - margin, high=high + margin)


def lowered(axis: PlotAxis, value: float, share: float) -> float:
    """A value lowered by a share of the axis's length."""
    low, high = axis.low or 0.0, axis.high or 1.0
    if axis.scale is Scale.LOG:
        return float(value / (high / low) ** share)
    return value - share * (high - low)


def near_top(axis: PlotAxis) -> float:
    """A value just below the upper end of an axis, where a mark is still within."""
    return lowered(axis, axis.high or 1.0, 0.03)


def log_ticks(low: float, high: float) -> list[float]:
    """The ticks of a log axis, two to eight: whole decades, not each of them where they are many.

    A short axis has three at least: 1, 2 and 5 of each decade, else as on a linear axis. A single
    tick would say nothing of the scale.
    """
    decades = math.log10(high / low)
    mantissas = (1,) if decades >= _FEW_DECADES else (1, 2, 5)
    stride = math.ceil(decades / _MOST_DECADES)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1, stride)
    ticks = [float(f"{first}e{exponent}") for exponent in exponents for first in mantissas]
    shown = [tick for tick in ticks if low <= tick <= high]
    if decades >= _FEW_DECADES or len(shown) >= _LEAST_TICKS:
        return shown
    return _linear_ticks(low, high)


def tick_parts(tick: float) -> tuple[str, int]:
    """A tick's number as text and the power of ten beside it; 0 where it is short without one."""
    if 1e-3 <= tick < 1e5:
        return f"{tick:g}", 0
    mantissa, exponent = f"{tick:.3e}".split("e")
    return f"{float(mantissa):g}", int(exponent)


def _linear_ticks(low: float, high: float) -> list[float]:
    """Multiples of the longest step, 1, 2 or 5 times a power of ten, that gives three."""
    power = 10.0 ** math.floor(math.log10((high - low) / _LEAST_TICKS))
    for step in (10 * power, 5 * power, 2 * power, power):
        counts = range(math.ceil(low / step), math.floor(high / step) + 1)
        if len(counts) >= _LEAST_TICKS:
            break
    return [float(f"{count * step:.9g}") for count in counts]


def _pooled(values: Iterable[Values]) -> Values:
    return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in (*values, [])])


def _log_limits(positive: Values) -> tuple[float, float]:
    near, far = np.quantile(positive, (0.02, 0.98))
    low, high = float(positive.min()), float(positive.max())
    if high > far * _OUTLIER:
        high = float(far * _BEYOND)
    if low < near / _OUTLIER:
        low = float(near / _BEYOND)
    air = max((high / low) ** 0.05, 1.12)
    return low / air, high * air
