"""Curves and bands from the records of runs, and panels of them over the steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from landscope.figures.axes import log_axis, percent_axis, step_axis
from landscope.figures.spec import (
    Band,
    BandsPanel,
    Curve,
    EarlyEnd,
    Entry,
    Level,
    LinesPanel,
    Place,
    PlotAxis,
)
from landscope.quantities import TRAINING, Quantity
from landscope.runs import Outcome, RunRecords

Floats = NDArray[np.float64]

_SHOWN = 1200
"""More points than this in a line cannot be distinguished at any width, and only enlarge files."""
_SMOOTHED_SHARE = 0.03
"""The moving average runs over this share of the readings."""


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run, and how it appears in a figure."""

    run: RunRecords
    entry: Entry


def early_end(outcome: Outcome) -> EarlyEnd | None:
    """How a run broke off, in words; None for a run that reached its end."""
    if outcome.status == "finished":
        return None
    step = outcome.step or 0
    if outcome.status == "diverged":
        return EarlyEnd(step, f"diverged at step {step}")
    return EarlyEnd(step, f"unfinished, stopped at step {step}")


def curve(net: ShownRun, quantity: Quantity, layer: str | None = None) -> Curve:
    """One quantity by step; readings that are not finite are gaps.

    Raises:
        RecordError: The run has no such readings.
    """
    steps, values = until(net.entry.ending, *net.run.numbers(quantity, layer))
    return _thinned(Curve(net.entry, _floats(steps), _floats(values)))


def share(net: ShownRun, quantity: Quantity, window: int = 0) -> Curve:
    """A fraction that training read, as a percentage by step; raises as `curve` does.

    Args:
        net: The run.
        quantity: A share.
        window: Readings to average over, see `centred_mean`; they lie faintly beneath. 0 for none.
    """
    steps, values = until(net.entry.ending, *net.run.numbers(quantity))
    values = 100 * np.where(np.isfinite(values), values, np.nan)
    if not window:
        return _thinned(Curve(net.entry, _floats(steps), _floats(values)))
    means = centred_mean(values, window)
    return _thinned(Curve(net.entry, _floats(steps), _floats(means), _floats(values)))


def smoothing_window(count: int) -> int:
    """An odd number of readings to average over, at least 3."""
    return 2 * max(1, round(count * _SMOOTHED_SHARE / 2)) + 1


def centred_mean(values: Floats, window: int) -> Floats:
    """The mean over ``window`` readings around each; NaN near the ends, where they are not all.

    Args:
        values: One for each step; NaN is left out of the mean.
        window: An odd number; of a series shorter than twice that, half its length at most.
    """
    half = min(window // 2, (values.size - 1) // 4)
    means = np.full(values.shape, np.nan)
    for at in range(half, values.size - half):
        near = values[at - half : at + half + 1]
        if np.isfinite(near).any():
            means[at] = np.nanmean(near)
    return means


def until(
    ending: EarlyEnd | None, steps: NDArray[np.int64], values: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """What was read before the run broke off, without the non-finite tail."""
    if ending is None:
        return steps, values
    kept = np.flatnonzero((steps <= ending.step) & np.isfinite(values))
    count = int(kept[-1]) + 1 if kept.size else 0
    return steps[:count], values[:count]


def band(net: ShownRun, quantity: Quantity) -> Band:
    """[least, greatest] of a reading that is a list, as over step sizes, by step.

    A reading of which some values overflowed has an infinite end; one of which all did has a gap.

    Raises:
        RecordError: The run has no such readings.
    """
    ending = net.entry.ending
    points: list[tuple[float, float, float]] = []
    for reading in net.run.readings(quantity):
        if ending is not None and reading.step > ending.step:
            break
        values = np.atleast_1d(np.asarray(reading.value, dtype=np.float64))
        finite = values[np.isfinite(values)]
        if not finite.size:
            low, high = math.nan, math.nan
        else:
            low = float(finite.min())
            high = float(finite.max()) if finite.size == values.size else math.inf
        points.append((float(reading.step), low, high))
    x, lows, highs = zip(*points, strict=True) if points else ((), (), ())
    return Band(net.entry, x, lows, highs)


def accuracy_panel(title: str, place: Place, nets: list[ShownRun]) -> LinesPanel:
    """Training accuracy of the steps' own batches, smoothed."""
    longest = max(len(each.run.readings(TRAINING.train_accuracy)) for each in nets)
    window = smoothing_window(longest)
    drawn = [share(each, TRAINING.train_accuracy, window) for each in nets]
    panel = panel_on(title, place, percent_axis("training accuracy"), drawn)
    note = f"line: centred mean of {window} readings; faint: single batches"
    return replace(panel, notes=(note,))


def loss_panel(title: str, place: Place, nets: list[ShownRun]) -> LinesPanel:
    """Training loss, with the penalty where there is one, on a log axis."""
    curves = [curve(each, TRAINING.train_loss) for each in nets]
    return log_panel(title, place, "training loss", curves)


def panel_on(title: str, place: Place, y: PlotAxis, curves: Sequence[Curve]) -> LinesPanel:
    """Curves by step on a y axis that is known beforehand."""
    return LinesPanel(title, place, step_axis(curves), y, tuple(curves))


def log_panel(
    title: str, place: Place, label: str, curves: list[Curve], levels: tuple[Level, ...] = ()
) -> LinesPanel:
    """Curves of positive values on a log axis that also holds the levels.

    A note names each level: no place inside the panel is sure to be free of curves.
    """
    values = [*(np.array(line.y) for line in curves), np.array([level.value for level in levels])]
    axis, notes = log_axis(label, values)
    positive = [replace(line, y=tuple(y if y > 0 else math.nan for y in line.y)) for line in curves]
    notes = (*(f"dashed: {level.label}" for level in levels), *notes)
    return replace(panel_on(title, place, axis, positive), levels=levels, notes=notes)


def bands_panel(
    title: str, place: Place, label: str, nets: list[ShownRun], quantity: Quantity
) -> BandsPanel:
    """The bands of some runs on a common log axis; raises as `band` does."""
    drawn = [band(each, quantity) for each in nets]
    axis, notes = log_axis(
        label, [np.array(end) for each in drawn for end in (each.low, each.high)]
    )
    # A drawing cannot reach infinity, and needs not: just above the axis is out of sight.
    top = 2 * float(axis.high or 1.0)
    bands = tuple(
        replace(each, high=tuple(top if value == math.inf else value for value in each.high))
        for each in drawn
    )
    return BandsPanel(title, place, step_axis(bands), axis, bands, notes)


def _floats(values: Floats | NDArray[np.int64]) -> tuple[float, ...]:
    """The values; each that is not finite is the one `math.nan`, so that equal curves are equal."""
    return tuple(float(value) if math.isfinite(value) else math.nan for value in values)


def _thinned(line: Curve) -> Curve:
    stride = -(-len(line.x) // _SHOWN)
    if stride <= 1:
        return line
    last = len(line.x) - 1
    kept = list(dict.fromkeys(chain(range(0, last, stride), [last])))
    return replace(
        line,
        x=tuple(line.x[at] for at in kept),
        y=tuple(line.y[at] for at in kept),
        raw=tuple(line.raw[at] for at in kept) if line.raw else (),
    )
