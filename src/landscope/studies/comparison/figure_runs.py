"""Figures 2 and 6 of a comparison, of one number a run: the loss that it reaches, and its cost."""

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np

from landscope.figures.axes import near_top, value_axis
from landscope.figures.spec import (
    Band,
    Bar,
    BarsPanel,
    Cross,
    Curve,
    FigureSpec,
    LinesPanel,
    Panel,
    Place,
    PlotAxis,
    Scale,
)
from landscope.norms.names import NORM_LABELS
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.figure_panels import ended_comparison, entry_of
from landscope.studies.comparison.records import (
    ComparisonRecords,
    diverged,
    final_loss,
    mean_loss,
    step_seconds,
)
from landscope.text import lr_text

Measure = Callable[[RunRecords], float]

_BESIDE = 0.03
"""Crosses at one learning rate are beside each other, apart by this share of the axis..."""
_APART = 0.9
"""... or by less, so that those of one learning rate take this share of what lies between two."""
_MOST_TICKS = 6
_MILLISECONDS = 1e3


def loss_by_lr(study: StudyRecords) -> FigureSpec:
    """Figure 2: loss at the end and on average against the learning rate.

    Raises:
        RecordError: A run or a reading is missing, or has not ended.
    """
    nets = ended_comparison(study)
    one_lr = len(nets.lrs) == 1
    draw = _loss_bars if one_lr else _loss_lines
    return FigureSpec(
        2,
        "How far each norm gets at each learning rate",
        "A norm that keeps its line low and flat over the learning rates is stable. A cross at "
        "the top is a learning rate at which at least one seed diverged; the line shows the "
        "others. Loss at the end is over the last tenth of the steps.",
        (
            draw(nets, "(a) Loss at the end", Place(0, 0), "final loss", final_loss),
            draw(nets, "(b) Loss over the whole run", Place(0, 1), "mean loss", mean_loss),
        ),
        row_height=_bars_height(nets) if one_lr else 3.4,
    )


def cost(study: StudyRecords) -> FigureSpec:
    """Figure 6: time of a training step with each norm, and relative to none, or else to the first.

    Raises:
        RecordError: A run is missing or has not ended.
    """
    nets = ended_comparison(study)
    base = _in_a_sentence(NORM_LABELS[nets.baseline])
    seconds = {norm: _step_seconds(nets, norm) for norm in nets.norms}
    first = seconds[nets.baseline]
    times = [_time(norm, [_MILLISECONDS * each for each in seconds[norm]]) for norm in nets.norms]
    ratios = [
        _time(norm, [own / other for own, other in zip(seconds[norm], first, strict=True)])
        for norm in nets.norms
    ]
    runs = len(first)
    notes = (f"median over {runs} runs; line: least to greatest",) if runs > 1 else ()
    relative = ("of the same learning rate and seed",)
    return FigureSpec(
        6,
        "What each norm costs in time",
        "Wall time of a training step without probes: forward, backward and update. Runs side by "
        "side share the machine, which the ranges show.",
        (
            BarsPanel(
                "(a) A training step", Place(0, 0), PlotAxis("milliseconds"), tuple(times), notes
            ),
            BarsPanel(
                f"(b) Relative to {base}",
                Place(0, 1),
                PlotAxis(f"times {base}"),
                tuple(ratios),
                relative,
            ),
        ),
        row_height=_bars_height(nets),
    )


def _in_a_sentence(label: str) -> str:
    """The label without its capital, unless it is an abbreviation as in "RMS norm"."""
    return label[0].lower() + label[1:] if label[1].islower() else label


def _bars_height(nets: ComparisonRecords) -> float:
    return 0.9 + 0.32 * len(nets.norms)


def _losses(nets: ComparisonRecords, norm: str, lr: float, measure: Measure) -> list[float]:
    return [value for run in nets.over_seeds(norm, lr) if math.isfinite(value := measure(run))]


def _mean_and_range(values: list[float]) -> tuple[float, float, float]:
    """Mean, least and greatest; NaN without any."""
    if not values:
        return math.nan, math.nan, math.nan
    return sum(values) / len(values), min(values), max(values)


def _loss_lines(
    nets: ComparisonRecords, title: str, place: Place, label: str, measure: Measure
) -> Panel:
    curves: list[Curve] = []
    bands: list[Band] = []
    lrs, several = tuple(nets.lrs), len(nets.seeds) > 1
    for norm in nets.norms:
        entry = entry_of(norm)
        rows = [_mean_and_range(_losses(nets, norm, lr, measure)) for lr in lrs]
        means, lows, highs = (tuple(row[part] for row in rows) for part in range(3))
        curves.append(Curve(entry, lrs, means))
        if several:
            bands.append(Band(entry, lrs, lows, highs))
    ends = [end for band in bands for end in (band.low, band.high)]
    values = [np.array(each) for each in (*(curve.y for curve in curves), *ends)]
    axis, notes = value_axis(label, values, signed=True)
    if several:
        notes = (f"line: mean of {len(nets.seeds)} seeds; band: least to greatest", *notes)
    ticks = lrs[:: math.ceil(len(lrs) / _MOST_TICKS)]
    x = PlotAxis("learning rate", Scale.LOG, min(lrs) / 1.4, max(lrs) * 1.4, ticks)
    return LinesPanel(
        title,
        place,
        x,
        axis,
        tuple(curves),
        notes=notes,
        bands=tuple(bands),
        crosses=_divergences(nets, x, axis),
    )


def _divergences(nets: ComparisonRecords, x: PlotAxis, y: PlotAxis) -> tuple[Cross, ...]:
    """A cross at the top for each norm and learning rate at which a seed diverged."""
    counts = {
        (lr, norm): count
        for lr in nets.lrs
        for norm in nets.norms
        if (count := sum(map(diverged, nets.over_seeds(norm, lr))))
    }
    at_lr = {lr: [norm for norm in nets.norms if (lr, norm) in counts] for lr in nets.lrs}
    most = max(1, *map(len, at_lr.values()))
    beside = _span(x) ** min(_BESIDE, _APART / (most * len(nets.lrs)))
    crosses: list[Cross] = []
    for lr, norms in at_lr.items():
        for position, norm in enumerate(norms):
            entry = entry_of(norm)
            count = f"{counts[lr, norm]} of {len(nets.seeds)} seeds diverged"
            text = f"{entry.label}: {count} at lr {lr_text(lr)}"
            place = lr * beside ** (position - (len(norms) - 1) / 2)
            crosses.append(Cross(entry, place, near_top(y), text))
    return tuple(crosses)


def _span(axis: PlotAxis) -> float:
    return (axis.high or 1.0) / (axis.low or 1.0)


def _loss_bars(
    nets: ComparisonRecords, title: str, place: Place, label: str, measure: Measure
) -> Panel:
    """With a single learning rate there is no line to draw."""
    lr, seeds = nets.lrs[0], len(nets.seeds)
    bars: list[Bar] = []
    for norm in nets.norms:
        values = _losses(nets, norm, lr, measure)
        entry = entry_of(norm)
        lost = seeds - len(values)
        if lost and values:
            entry = replace(entry, label=f"{entry.label} ({lost} diverged)")
        bars.append(Bar(entry, *_mean_and_range(values), missing="every seed diverged"))
    notes = (f"mean of {seeds} seeds; line: least to greatest",) if seeds > 1 else ()
    return BarsPanel(f"{title} at lr {lr_text(lr)}", place, PlotAxis(label), tuple(bars), notes)


def _step_seconds(nets: ComparisonRecords, norm: str) -> list[float]:
    return [step_seconds(run) for lr in nets.lrs for run in nets.over_seeds(norm, lr)]


def _time(norm: str, values: list[float]) -> Bar:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return Bar(entry_of(norm), math.nan, math.nan, math.nan)
    return Bar(entry_of(norm), median(known), min(known), max(known))
