"""A figure in numbers, for readers who cannot see it or want to quote it."""

import math
from dataclasses import dataclass

from landscope.figures.ridges import moments
from landscope.figures.spec import (
    Band,
    BandsPanel,
    Bar,
    BarsPanel,
    Curve,
    FigureSpec,
    LinesPanel,
    Panel,
    Ridge,
    RidgesPanel,
)
from landscope.text import number_text


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """What one run shows in one panel, at its first and at its last finite reading.

    Args:
        panel: Title of the panel.
        net: Label of the run, with how it broke off.
        first: At the first reading, with its step; of a bar, its value.
        last: At the last reading, with its step; of a bar, its range.
    """

    panel: str
    net: str
    first: str
    last: str


def summarize(spec: FigureSpec) -> tuple[SummaryRow, ...]:
    """A row for each run in each panel.

    Where the colour stands for the step (Figure 11) each row is that of the greatest step size.
    """
    return tuple(row for panel in spec.panels for row in _rows(panel))


def _rows(panel: Panel) -> list[SummaryRow]:
    match panel:
        case LinesPanel() if panel.colour_bar is not None:
            last = [(line.name, number_text(line.y[-1])) for line in panel.curves]
            told = [(panel.curves[0].entry, last)]
        case LinesPanel():
            told = [(line.entry, _points(line, panel.x.label)) for line in panel.curves]
        case BandsPanel():
            told = [(band.entry, _ends(band)) for band in panel.bands]
        case RidgesPanel():
            told = [(panel.entry, [(f"step {at.step}", _moments_text(at)) for at in panel.ridges])]
        case BarsPanel():
            return [_bar_row(panel.title, bar) for bar in panel.bars]
    return [_row(panel.title, entry.full_label, readings) for entry, readings in told]


def _row(panel: str, net: str, readings: list[tuple[str, str]]) -> SummaryRow:
    if not readings:
        return SummaryRow(panel, net, "no finite reading", "no finite reading")
    first, last = (f"{text} ({when})" for when, text in (readings[0], readings[-1]))
    return SummaryRow(panel, net, first, last)


def _bar_row(panel: str, bar: Bar) -> SummaryRow:
    value = number_text(bar.value) if math.isfinite(bar.value) else bar.missing
    ends = f"{number_text(bar.low)} to {number_text(bar.high)}"
    return SummaryRow(panel, bar.entry.full_label, value, ends)


def _points(line: Curve, along: str) -> list[tuple[str, str]]:
    return [
        (f"step {int(x)}" if along == "step" else f"{along} {x:g}", number_text(y))
        for x, y in zip(line.x, line.y, strict=True)
        if math.isfinite(y)
    ]


def _ends(band: Band) -> list[tuple[str, str]]:
    return [
        (f"step {int(step)}", f"{number_text(low)} to {number_text(high)}")
        for step, low, high in zip(band.x, band.low, band.high, strict=True)
        if math.isfinite(low)
    ]


def _moments_text(ridge: Ridge) -> str:
    mean, deviation = moments(ridge)
    return f"mean {number_text(mean)}, standard deviation {number_text(deviation)}"
