"""The nets of a comparison in its figures: one style a norm, one panel a learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscope.errors import RecordError
from landscope.figures.axes import Values, step_axis_to
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
"""More points than this in a line cannot be told apart."""
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


def drawn_over_seeds(
    nets: ComparisonRecords,
    lr: float,
    series: Callable[[RunRecords], Series],
    middle: Callable[..., Values],
) -> Drawn:
    """A curve for each norm at a learning rate, with the band from the least to the greatest seed.

    Args:
        nets: The comparison.
        lr: The learning rate.
        series: What is drawn of one run.
        middle: What the line shows of the values of all seeds, of shape (seeds, steps), such as
            ``np.nanmean``.
    """
    found = Drawn([], [], [])
    for norm in nets.norms:
        entry = entry_of(norm)
        table = _tabled([series(run) for run in nets.over_seeds(norm, lr)])
        if table is None:
            found.missing.append(entry.label)
            continue
        steps, values = table
        x = _floats(steps)
        found.curves.append(Curve(entry, x, _floats(middle(values, axis=0))))
        if len(values) > 1:
            low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
            found.bands.append(Band(entry, x, _floats(low), _floats(high)))
    return found


def panels_by_lr(
    nets: ComparisonRecords,
    title: str,
    drawn: dict[float, Drawn],
    axis: tuple[PlotAxis, tuple[str, ...]],
    *,
    block: int = 0,
    levels: Callable[[float], tuple[Level, ...]] = lambda _lr: (),
    notes: tuple[str, ...] = (),
) -> list[LinesPanel]:
    """One panel for each learning rate, all on the same axes.

    Args:
        nets: The comparison.
        title: What is shown, before the learning rate.
        drawn: By the learning rate.
        axis: The y axis, and notes on what it leaves out, for the first panel.
        block: Which block of rows of the figure the panels take.
        levels: The levels of a panel.
        notes: For the first panel.
    """
    x = step_axis_to(nets.steps)
    columns = min(_COLUMNS, len(nets.lrs))
    first_row = block * -(-len(nets.lrs) // columns)
    panels: list[LinesPanel] = []
    for position, lr in enumerate(nets.lrs):
        row, column = divmod(position, columns)
        own, first = drawn[lr], position == 0
        all_notes = (
            *(notes if first else ()),
            *(f"dashed: {level.label}" for level in levels(lr)),
            *([f"no reading: {', '.join(own.missing)}"] if own.missing else ()),
            *_divergence_notes(nets, lr),
            *(axis[1] if first else ()),
        )
        panels.append(
            LinesPanel(
                f"{title} at lr {lr_text(lr)}",
                Place(first_row + row, column),
                x,
                axis[0],
                tuple(own.curves),
                levels(lr),
                notes=all_notes,
                bands=tuple(own.bands),
            )
        )
    return panels


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
