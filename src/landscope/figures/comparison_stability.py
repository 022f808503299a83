"""Figure 2 of a comparison: the loss that each norm reaches, by learning rate."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from landscope.figures.comparison_nets import ended_comparison, entry_of, near_top, value_axis
from landscope.figures.selection import lr_text
from landscope.figures.spec import (
    Axis,
    Band,
    Bar,
    BarsPanel,
    Curve,
    FigureSpec,
    LinesPanel,
    Mark,
    Panel,
    Place,
    Scale,
)
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.records import ComparisonRecords, diverged, final_loss, mean_loss

_MEASURES: tuple[tuple[str, str, Callable[[RunRecords], float]], ...] = (
    ("(a) Loss at the end", "final loss", final_loss),
    ("(b) Loss over the whole run", "mean loss", mean_loss),
)
_BESIDE = 1.05
"""Crosses at one learning rate stand beside each other, this factor apart."""

_MOST_TICKS = 6


def data(study: StudyRecords) -> FigureSpec:
    """Loss at the end and on average against the learning rate.

    Raises:
        RecordError: A run or a reading is missing, or has not ended.
    """
    nets = ended_comparison(study)
    draw = _bars if len(nets.lrs) == 1 else _lines
    return FigureSpec(
        2,
        "How far each norm gets at each learning rate",
        "A norm that keeps its line low and flat over the learning rates is stable. A cross at "
        "the top is a learning rate at which at least one seed diverged; the line shows the "
        "others. Loss at the end is over the last tenth of the steps.",
        tuple(
            draw(nets, title, Place(0, column), label, measure)
            for column, (title, label, measure) in enumerate(_MEASURES)
        ),
        row_height=3.4 if len(nets.lrs) > 1 else 0.9 + 0.32 * len(nets.norms),
    )


def _values(
    nets: ComparisonRecords, norm: str, lr: float, measure: Callable[[RunRecords], float]
) -> list[float]:
    return [value for run in nets.over_seeds(norm, lr) if math.isfinite(value := measure(run))]


def _summary(values: list[float]) -> tuple[float, float, float]:
    """Mean, least and greatest; NaN without any."""
    if not values:
        return math.nan, math.nan, math.nan
    return sum(values) / len(values), min(values), max(values)


def _lines(
    nets: ComparisonRecords,
    title: str,
    place: Place,
    label: str,
    measure: Callable[[RunRecords], float],
) -> Panel:
    curves: list[Curve] = []
    bands: list[Band] = []
    for norm in nets.norms:
        entry = entry_of(norm)
        rows = [_summary(_values(nets, norm, lr, measure)) for lr in nets.lrs]
        means, lows, highs = (tuple(row[part] for row in rows) for part in range(3))
        curves.append(Curve(entry, tuple(nets.lrs), means))
        if len(nets.seeds) > 1:
            bands.append(Band(entry, tuple(nets.lrs), lows, highs))
    axis, notes = value_axis(
        label,
        [
            *(np.array(curve.y) for curve in curves),
            *(np.array(end) for band in bands for end in (band.low, band.high)),
        ],
        signed=True,
    )
    low, high = min(nets.lrs), max(nets.lrs)
    ticks = tuple(nets.lrs[:: math.ceil(len(nets.lrs) / _MOST_TICKS)])
    x = Axis("learning rate", Scale.LOG, low / 1.4, high * 1.4, ticks)
    seeds = f"{len(nets.seeds)} seeds" if len(nets.seeds) > 1 else "one seed"
    help_ = (f"line: mean of {seeds}; band: least to greatest",) if len(nets.seeds) > 1 else ()
    return LinesPanel(
        title,
        place,
        x,
        axis,
        tuple(curves),
        notes=(*help_, *notes),
        bands=tuple(bands),
        marks=_marks(nets, axis),
    )


def _marks(nets: ComparisonRecords, axis: Axis) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for lr in nets.lrs:
        broken = {norm: sum(map(diverged, nets.over_seeds(norm, lr))) for norm in nets.norms}
        norms = [norm for norm, count in broken.items() if count]
        for position, norm in enumerate(norms):
            entry = entry_of(norm)
            x = lr * _BESIDE ** (position - (len(norms) - 1) / 2)
            count = f"{broken[norm]} of {len(nets.seeds)} seeds diverged"
            text = f"{entry.label}: {count} at lr {lr_text(lr)}"
            marks.append(Mark(entry, x, near_top(axis), text))
    return tuple(marks)


def _bars(
    nets: ComparisonRecords,
    title: str,
    place: Place,
    label: str,
    measure: Callable[[RunRecords], float],
) -> Panel:
    """With a single learning rate there is no line to draw."""
    lr = nets.lrs[0]
    bars: list[Bar] = []
    for norm in nets.norms:
        values = _values(nets, norm, lr, measure)
        entry = entry_of(norm)
        lost = len(nets.seeds) - len(values)
        if lost and values:
            entry = replace(entry, label=f"{entry.label} ({lost} diverged)")
        bars.append(Bar(entry, *_summary(values), missing="every seed diverged"))
    notes = (f"mean of {len(nets.seeds)} seeds; line: least to greatest",)
    return BarsPanel(
        f"{title} at lr {lr_text(lr)}",
        place,
        Axis(label),
        tuple(bars),
        notes if len(nets.seeds) > 1 else (),
    )
