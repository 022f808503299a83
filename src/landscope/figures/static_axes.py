"""Axes on paper: limits, ticks, titles and notes."""

import math

from matplotlib.axes import Axes
from matplotlib.axis import Axis as DrawnAxis
from matplotlib.ticker import (
    EngFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    StrMethodFormatter,
)

from landscope.figures import style
from landscope.figures.spec import Axis, Scale

_NOTE_POINTS = 9.2
"""Height of a line of a note."""


def limit(axes: Axes, x: Axis, y: Axis) -> None:
    """Sets scales, limits, labels and ticks of both axes, once everything is drawn."""
    axes.set_xscale(x.scale.value)
    axes.set_yscale(y.scale.value)
    axes.set_xlim(x.low, x.high)
    axes.set_ylim(y.low, y.high)
    axes.set_xlabel(x.label, labelpad=1)
    axes.set_ylabel(y.label, labelpad=2)
    for drawn, axis in ((axes.xaxis, x), (axes.yaxis, y)):
        _tick(drawn, axis)


def annotate(axes: Axes, title: list[str], notes: list[str], beneath: float = 0.0) -> None:
    """Writes a panel's title, and its notes small beneath it.

    Args:
        axes: Where.
        title: Its lines.
        notes: Their lines.
        beneath: Points to leave free between them and the axes.
    """
    axes.set_title("\n".join(title), pad=4 + beneath + _NOTE_POINTS * len(notes))
    if notes:
        axes.annotate(
            "\n".join(notes),
            xy=(0, 1),
            xytext=(0, 3 + beneath),
            xycoords="axes fraction",
            textcoords="offset points",
            va="bottom",
            fontsize=6.5,
            color=style.MUTED,
        )


def _tick(drawn: DrawnAxis, axis: Axis) -> None:
    if axis.ticks:
        drawn.set_major_locator(FixedLocator(axis.ticks))
        drawn.set_major_formatter(StrMethodFormatter("{x:g}"))
        drawn.set_minor_locator(NullLocator())
        return
    if axis.scale is Scale.LINEAR:
        drawn.set_major_locator(MaxNLocator(5))
        if axis.label == "step":
            drawn.set_major_formatter(EngFormatter(sep=""))
        return
    decades = math.log10((axis.high or 10.0) / (axis.low or 1.0))
    subs = (1.0, 2.0, 5.0) if decades < 2 else (1.0,)
    drawn.set_major_locator(LogLocator(subs=subs, numticks=7))
    drawn.set_major_formatter(FuncFormatter(_power))
    drawn.set_minor_locator(NullLocator())


def _power(value: float, _position: int | None) -> str:
    """A number on a log axis: plain where short, a power of ten where long."""
    if 1e-3 <= value < 1e5:
        return f"{value:g}"
    exponent = math.floor(math.log10(value) + 1e-9)
    mantissa = value / 10.0**exponent
    power = f"10^{{{exponent}}}"
    return f"${power}$" if abs(mantissa - 1) < 1e-6 else f"${mantissa:.0f}\\!\\cdot\\!{power}$"
