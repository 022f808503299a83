"""Axes that fit their data, and say what they leave out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscope.figures.spec import Axis, Band, Curve, Scale

ETA = Axis("step size η", Scale.LOG)

_OUTLIER = 1e3
"""On a log axis, values this many times beyond the central 96 % do not choose the limits."""
_BEYOND = 30.0
"""How far beyond the central 96 % the axis then reaches."""


def step_axis(drawn: Sequence[Curve | Band]) -> Axis:
    """An axis of steps, from 0 to the last that is drawn or at which a run broke off."""
    ends = [0 if each.entry.ending is None else each.entry.ending.step for each in drawn]
    last = max([1.0, *ends, *(x for each in drawn for x in each.x)])
    return Axis("step", low=-0.015 * last, high=1.015 * last)


def log_axis(label: str, values: list[NDArray[np.float64]]) -> tuple[Axis, tuple[str, ...]]:
    """A log axis for positive values, with notes on what it cannot show.

    Args:
        label: The label, with its unit.
        values: All that the panel draws; gaps are NaN.

    Returns:
        The axis with both limits, and one note for each kind of reading that is not on it.
    """
    pooled = _pool(values)
    overflowed = int(np.isposinf(pooled).sum())
    finite = pooled[np.isfinite(pooled)]
    positive = finite[finite > 0]
    notes: list[str] = []
    if positive.size < finite.size:
        what = "0 or less" if (finite < 0).any() else "0"
        notes.append(f"not on the log axis: {_count(finite.size - positive.size)} of {what}")
    if overflowed:
        notes.append(f"{_count(overflowed)} overflowed, drawn to the top")
    if not positive.size:
        return Axis(label, Scale.LOG, 0.1, 10.0), (*notes, "no positive reading")
    low, high = _log_limits(positive)
    for beyond, where in (
        (positive[positive > high], "above"),
        (positive[positive < low], "below"),
    ):
        if beyond.size:
            extreme = beyond.max() if where == "above" else beyond.min()
            notes.append(f"{_count(beyond.size)} {where} the axis, to {extreme:.2g}")
    return Axis(label, Scale.LOG, low, high), tuple(notes)


def percent_axis(label: str) -> Axis:
    """An axis for shares, from nothing to all."""
    return Axis(f"{label} (%)", Scale.LINEAR, 0.0, 102.0)


def _count(readings: int) -> str:
    return "1 reading" if readings == 1 else f"{readings} readings"


def _pool(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in (*values, [])])


def _log_limits(positive: NDArray[np.float64]) -> tuple[float, float]:
    near, far = np.quantile(positive, (0.02, 0.98))
    low, high = float(positive.min()), float(positive.max())
    if high > far * _OUTLIER:
        high = float(far * _BEYOND)
    if low < near / _OUTLIER:
        low = float(near / _BEYOND)
    air = max((high / low) ** 0.05, 1.12)
    return low / air, high * air
