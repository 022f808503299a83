"""The nets of a comparison in its figures: one look a norm, one panel a learning rate."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscope.errors import RecordError
from landscope.figures.axes import log_axis
from landscope.figures.selection import lr_text
from landscope.figures.spec import Axis, Band, Curve, Entry, Level, LinesPanel, Mark, Place, Scale
from landscope.figures.style import NORMS
from landscope.norms.names import NORM_LABELS
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.records import ComparisonRecords, diverged, divergence

Values = NDArray[np.float64]
Series = tuple[NDArray[np.int64] | Values, Values]

_COLUMNS = 3
_SHOWN = 600
"""More points than this in a line cannot be told apart."""
_NARROW = 6.0
"""Positive values that span less than this factor are drawn on a linear axis."""
_FAMILY = "the model"


@dataclass(frozen=True)
class Drawn:
    """What one panel shows, before its axes are known."""

    curves: list[Curve]
    bands: list[Band]
    missing: list[str]

    def values(self) -> list[Values]:
        """All that is drawn, to find an axis that holds it."""
        sides = [side for band in self.bands for side in (band.low, band.high)]
        return [np.array(side) for side in (*(curve.y for curve in self.curves), *sides)]


def ended_comparison(study: StudyRecords) -> ComparisonRecords:
    """The comparison, all of whose runs have ended.

    Raises:
        RecordError: One is missing or has not ended.
    """
    found = ComparisonRecords(study)
    if not found.complete:
        raise RecordError(
            study.where,
            "not all runs of the comparison have ended",
            "start the command that began it again to go on",
        )
    return found


def entry_of(norm: str) -> Entry:
    """How a norm looks: as in the figures of the paper."""
    return Entry(NORM_LABELS[norm], norm, _FAMILY, NORMS[norm].dash)


def place_of(position: int, panels: int, block: int = 0) -> Place:
    """Where a panel stands that is one of some in a block of rows."""
    columns = min(_COLUMNS, panels)
    return Place(block * -(-panels // columns) + position // columns, position % columns)


def drawn_over_seeds(
    nets: ComparisonRecords,
    lr: float,
    series: Callable[[RunRecords], Series],
    middle: Callable[[Values], Values],
) -> Drawn:
    """A curve for each norm at a learning rate, with the band from the least to the greatest seed.

    Args:
        nets: The comparison.
        lr: The learning rate.
        series: Steps and values of one run; empty where it has none.
        middle: What the line shows of the values of all seeds, of shape (seeds, steps).
    """
    found = Drawn([], [], [])
    for norm in nets.norms:
        entry = entry_of(norm)
        table = _tabled([series(run) for run in nets.over_seeds(norm, lr)])
        if table is None:
            found.missing.append(entry.label)
            continue
        steps, values = table
        found.curves.append(Curve(entry, _floats(steps), _floats(middle(values))))
        if len(values) > 1:
            ends = (np.nanmin(values, axis=0), np.nanmax(values, axis=0))
            found.bands.append(Band(entry, _floats(steps), _floats(ends[0]), _floats(ends[1])))
    return found


def mean_of_seeds(values: Values) -> Values:
    """The mean over those seeds that have a value, of shape (steps,)."""
    return np.nanmean(values, axis=0)


def median_of_seeds(values: Values) -> Values:
    """The median over those seeds that have a value, of shape (steps,)."""
    return np.nanmedian(values, axis=0)


def value_axis(
    label: str, values: Iterable[Values], *, signed: bool = False
) -> tuple[Axis, tuple[str, ...]]:
    """A log axis for positive values that span some, else a linear one; notes as `log_axis`.

    Args:
        label: The label, with its unit.
        values: All that the panels draw.
        signed: Whether 0 and less is as good a value as any, which a log axis has no place for.
    """
    pooled = list(values)
    finite = np.concatenate([part[np.isfinite(part)] for part in (*pooled, np.empty(0))])
    positive = finite[finite > 0]
    narrow = positive.size == finite.size > 0 and positive.max() < _NARROW * positive.min()
    if finite.size and (narrow or (signed and positive.size < finite.size)):
        low, high = float(finite.min()), float(finite.max())
        air = 0.05 * (high - low or abs(high) or 1.0)
        return Axis(label, low=low - air, high=high + air), ()
    return log_axis(label, pooled)


def near_top(axis: Axis) -> float:
    """A value just below the upper end of an axis, where a mark is still within."""
    low, high = axis.low or 0.0, axis.high or 1.0
    if axis.scale is Scale.LOG:
        return float(high / (high / low) ** 0.03)
    return high - 0.03 * (high - low)


def panels_by_lr(
    nets: ComparisonRecords,
    title: str,
    drawn: dict[float, Drawn],
    axis: tuple[Axis, tuple[str, ...]],
    *,
    block: int = 0,
    levels: Callable[[float], tuple[Level, ...]] = lambda _lr: (),
    marks: Callable[[float, Axis], tuple[Mark, ...]] = lambda _lr, _axis: (),
    notes: tuple[str, ...] = (),
) -> list[LinesPanel]:
    """One panel for each learning rate, all on the same axes.

    Args:
        nets: The comparison.
        title: What is shown, before the learning rate.
        drawn: By the learning rate.
        axis: The y axis, and notes on what it leaves out.
        block: Which block of rows of the figure the panels take.
        levels: The levels of a panel.
        marks: The crosses of a panel.
        notes: For the first panel.
    """
    last = nets.steps
    x = Axis("step", low=-0.015 * last, high=1.015 * last)
    panels: list[LinesPanel] = []
    for position, lr in enumerate(nets.lrs):
        own = drawn[lr]
        dashed = tuple(f"dashed: {level.label}" for level in levels(lr))
        missing = (f"no reading: {', '.join(own.missing)}",) if own.missing else ()
        panels.append(
            LinesPanel(
                f"{title} at lr {lr_text(lr)}",
                place_of(position, len(nets.lrs), block),
                x,
                axis[0],
                tuple(own.curves),
                levels(lr),
                None,
                (
                    *(notes if position == 0 else ()),
                    *dashed,
                    *missing,
                    *divergence_notes(nets, lr),
                    *(axis[1] if position == 0 else ()),
                ),
                tuple(own.bands),
                marks(lr, axis[0]),
            )
        )
    return panels


def divergence_notes(nets: ComparisonRecords, lr: float) -> tuple[str, ...]:
    """For each norm of which a run diverged: how many, and at which step the first."""
    told: list[str] = []
    for norm in nets.norms:
        runs = nets.over_seeds(norm, lr)
        steps = [divergence(run) for run in runs if diverged(run)]
        if steps:
            share = f"{len(steps)} of {len(runs)} seeds" if len(runs) > 1 else "diverged"
            told.append(f"{NORM_LABELS[norm]} {share} from step {min(steps):.0f} on")
    return (f"diverged: {'; '.join(told)}",) if told else ()


def _tabled(runs: list[Series]) -> tuple[Values, Values] | None:
    """Steps, and a row of values for each run; NaN where it has none; None without any value."""
    steps = sorted({float(step) for at, _ in runs for step in at})
    stride = max(1, -(-len(steps) // _SHOWN))
    shown = [*steps[:-1:stride], *steps[-1:]]
    column = {step: position for position, step in enumerate(shown)}
    table = np.full((len(runs), len(shown)), math.nan)
    for row, (at, values) in enumerate(runs):
        for step, value in zip(at, values, strict=True):
            if float(step) in column and math.isfinite(value):
                table[row, column[float(step)]] = value
    kept = np.isfinite(table).any(axis=0)
    return (np.array(shown)[kept], table[:, kept]) if kept.any() else None


def _floats(values: Values) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
