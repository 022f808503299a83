"""A figure in numbers, for readers who cannot see it or want to quote it."""

import math
from dataclasses import dataclass

from landscope.figures.ridges import moments
from landscope.figures.spec import (
    Band,
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
    if isinstance(panel, RidgesPanel):
        told = [(ridge.step, _moments_text(ridge)) for ridge in panel.ridges]
        return [_row(panel.title, panel.entry.full_label, told)]
    if isinstance(panel, LinesPanel):
        if panel.colour_bar is not None:
            steps = [(line.name, number_text(line.y[-1])) for line in panel.curves]
            return [_row(panel.title, panel.curves[0].entry.full_label, steps)]
        return [
            _row(panel.title, line.entry.full_label, _points(line, panel.x.label))
            for line in panel.curves
        ]
    if isinstance(panel, BarsPanel):
        return [
            SummaryRow(
                panel.title,
                bar.entry.full_label,
                number_text(bar.value) if math.isfinite(bar.value) else bar.missing,
                f"{number_text(bar.low)} to {number_text(bar.high)}",
            )
            for bar in panel.bars
        ]
    return [_row(panel.title, band.entry.full_label, _ends(band)) for band in panel.bands]


def _row(panel: str, net: str, told: list[tuple[int, str]] | list[tuple[str, str]]) -> SummaryRow:
    if not told:
        return SummaryRow(panel, net, "no finite reading", "no finite reading")
    first, last = (
        f"{text} ({when if isinstance(when, str) else f'step {when}'})"
        for when, text in (told[0], told[-1])
    )
    return SummaryRow(panel, net, first, last)


def _points(line: Curve, along: str) -> list[tuple[str, str]]:
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    return [
        (f"{along} {x:g}" if along != "step" else f"step {int(x)}", number_text(y))
        for x, y in points
    ]


def _ends(band: Band) -> list[tuple[int, str]]:
    points = zip(band.x, band.low, band.high, strict=True)
    return [
        (int(step), f"{number_text(low)} to {number_text(high)}")
        for step, low, high in points
        if math.isfinite(low)
    ]


def _moments_text(ridge: Ridge) -> str:
    mean, deviation = moments(ridge)
    return f"mean {number_text(mean)}, standard deviation {number_text(deviation)}"
