"""Lines from the records: a quantity by step, smoothed where single batches are noisy."""

import math
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from landscope.figures.axes import log_axis, percent_axis, step_axis
from landscope.figures.selection import Layer, Net
from landscope.figures.spec import Axis, Curve, Ending, Level, LinesPanel, Place

_SHOWN = 1200
"""More points than this in a line cannot be told apart at any width, and only make files heavy."""
_SMOOTHED_SHARE = 0.03
"""The moving average runs over this share of the readings."""


def curve(net: Net, probe: str, quantity: str, layer: Layer | None = None) -> Curve:
    """One quantity by step; readings that are not finite are gaps.

    Raises:
        RecordError: The run has no such readings.
    """
    name = None if layer is None else layer.name
    steps, values = net.run.numbers(probe, quantity, name)
    steps, values = until(net.entry.ending, steps, values)
    return _thinned(Curve(net.entry, _floats(steps), _floats(_gaps(values))))


def share(net: Net, quantity: str) -> Curve:
    """A fraction as a percentage by step; raises as `curve` does."""
    drawn = curve(net, "training", quantity)
    return replace(drawn, y=_floats(100 * np.array(drawn.y)))


def batch_share(net: Net, quantity: str, window: int) -> Curve:
    """A fraction of single batches, as a percentage: a centred mean over the faint readings.

    Args:
        net: The run.
        quantity: Of the training probe.
        window: Readings to average over, see `centred_mean`.

    Raises:
        RecordError: The run has no such readings.
    """
    steps, values = net.run.numbers("training", quantity, None)
    steps, values = until(net.entry.ending, steps, 100 * values)
    values = _gaps(values)
    means = centred_mean(values, window)
    return _thinned(Curve(net.entry, _floats(steps), _floats(means), _floats(values)))


def smoothing_window(count: int) -> int:
    """An odd number of readings to average over, at least 3."""
    return 2 * max(1, round(count * _SMOOTHED_SHARE / 2)) + 1


def centred_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
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
    ending: Ending | None, steps: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What was read before the run broke off, without the non-finite tail."""
    if ending is None:
        return steps, values
    kept = np.flatnonzero((steps <= ending.step) & np.isfinite(values))
    count = int(kept[-1]) + 1 if kept.size else 0
    return steps[:count], values[:count]


def accuracy_panel(title: str, place: Place, nets: list[Net]) -> LinesPanel:
    """Training accuracy of the steps' own batches, smoothed."""
    longest = max(len(each.run.readings("training", "train_accuracy")) for each in nets)
    window = smoothing_window(longest)
    drawn = tuple(batch_share(each, "train_accuracy", window) for each in nets)
    note = f"line: centred mean of {window} readings; faint: single batches"
    axis = percent_axis("training accuracy")
    return LinesPanel(title, place, step_axis(drawn), axis, drawn, notes=(note,))


def log_panel(
    title: str, place: Place, label: str, curves: list[Curve], levels: tuple[Level, ...] = ()
) -> LinesPanel:
    """Curves of positive values on a log axis that also holds the levels.

    A note names each level: no place inside the panel is sure to be free of curves.
    """
    values = [np.array(line.y) for line in curves]
    values.append(np.array([level.value for level in levels]))
    axis, notes = log_axis(label, values)
    drawn = tuple(replace(line, y=_positive(line.y)) for line in curves)
    notes = (*(f"dashed: {level.label}" for level in levels), *notes)
    return LinesPanel(title, place, step_axis(drawn), axis, drawn, levels, None, notes)


def panel_on(title: str, place: Place, y: Axis, curves: list[Curve]) -> LinesPanel:
    """Curves by step on a y axis that is known beforehand."""
    return LinesPanel(title, place, step_axis(curves), y, tuple(curves))


def loss_panel(title: str, place: Place, nets: list[Net]) -> LinesPanel:
    """Training loss, with the penalty where there is one, on a log axis."""
    curves = [curve(each, "training", "train_loss") for each in nets]
    return log_panel(title, place, "training loss", curves)


def _gaps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    """The values with gaps where a log axis has no place for them."""
    return tuple(value if value > 0 else math.nan for value in values)


def _floats(values: NDArray[np.float64] | NDArray[np.int64]) -> tuple[float, ...]:
    """The values; every gap is the one `math.nan`, so that equal curves compare as equal."""
    return tuple(math.nan if math.isnan(value) else float(value) for value in values)


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
