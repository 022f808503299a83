"""The nets of a comparison in its figures: one style a norm, one panel a learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscope.errors import RecordError
from landscope.figures.axes import Values, step_axis_to, value_axis
from landscope.figures.spec import Band, Curve, Entry, Level, LinesPanel, Place, PlotAxis
from landscope.figures.style import NORMS
from landscope.norms.names import NORM_LABELS
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.records import ComparisonRecords, diverged, divergence
from landscope.text import lr_text

Series = tuple[NDArray[np.int64] | Values, Values]
"""Steps and values of one run; empty where it has none."""

_COLUMNS = 3
_SHOWN = 600
"""More points than this in a line cannot be distinguished."""
_FAMILY = "the model"


@dataclass(frozen=True)
class PlottedQuantity:
    """One quantity by step, in a panel for each learning rate.

    Args:
        title: What is shown, before the learning rate.
        label: Of the y axis.
        series: Of one run.
        axis: The y axis, where the values do not choose it.
        levels: At a learning rate.
        signed: Whether 0 and less is as good a value as any.
        middle: What the line shows of the values of all seeds, of shape (seeds, steps).
    """

    title: str
    label: str
    series: Callable[[RunRecords], Series]
    axis: PlotAxis | None = None
    levels: Callable[[float], tuple[Level, ...]] = lambda _lr: ()
    signed: bool = False
    middle: Callable[..., Values] = np.nanmedian


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
            "start the same command again to resume",
        )
    return found


def entry_of(norm: str) -> Entry:
    """How a norm looks: as in the figures of the paper."""
    return Entry(NORM_LABELS[norm], norm, _FAMILY, NORMS[norm].dash)


def panels_by_lr(
    nets: ComparisonRecords, quantity: PlottedQuantity, note: str = "", block: int = 0
) -> list[LinesPanel]:
    """A panel for each learning rate, all on the same axes.

    Args:
        nets: The comparison.
        quantity: What is drawn.
        note: For the first panel.
        block: Which block of rows of the figure the panels take.
    """
    columns = min(_COLUMNS, len(nets.lrs))
    first_row = block * -(-len(nets.lrs) // columns)
    panels = [
        _panel(nets, lr, quantity, Place(first_row + position // columns, position % columns))
        for position, lr in enumerate(nets.lrs)
    ]
    axis, left_out = quantity.axis, ()
    if axis is None:
        values = [values for panel in panels for values in _values(panel)]
        axis, left_out = value_axis(quantity.label, values, signed=quantity.signed)
    x = step_axis_to(nets.steps)
    placed = [replace(panel, x=x, y=axis) for panel in panels]
    notes = (*filter(None, [note]), *placed[0].notes, *left_out)
    return [replace(placed[0], notes=notes), *placed[1:]]


def _panel(
    nets: ComparisonRecords, lr: float, quantity: PlottedQuantity, place: Place
) -> LinesPanel:
    """A curve for each norm, with the band from the least to the greatest seed; axes to come."""
    curves: list[Curve] = []
    bands: list[Band] = []
    missing: list[str] = []
    for norm in nets.norms:
        entry = entry_of(norm)
        table = _tabled([quantity.series(run) for run in nets.over_seeds(norm, lr)])
        if table is None:
            missing.append(entry.label)
            continue
        steps, values = table
        x = _floats(steps)
        curves.append(Curve(entry, x, _floats(quantity.middle(values, axis=0))))
        if len(values) > 1:
            low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
            bands.append(Band(entry, x, _floats(low), _floats(high)))
    levels = quantity.levels(lr)
    notes = [f"dashed: {level.label}" for level in levels]
    if missing:
        notes.append(f"no reading: {', '.join(missing)}")
    axis = PlotAxis("")
    return LinesPanel(
        f"{quantity.title} at lr {lr_text(lr)}",
        place,
        axis,
        axis,
        tuple(curves),
        levels,
        notes=(*notes, *_divergence_notes(nets, lr)),
        bands=tuple(bands),
    )


def _values(panel: LinesPanel) -> list[Values]:
    """All that a panel draws."""
    sides = [side for band in panel.bands for side in (band.low, band.high)]
    levels = tuple(level.value for level in panel.levels)
    return [np.array(each) for each in (*(curve.y for curve in panel.curves), *sides, levels)]


def _divergence_notes(nets: ComparisonRecords, lr: float) -> tuple[str, ...]:
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
