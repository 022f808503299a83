"""A panel on paper: its curves, bands, ridges or bars, its axes, its title and its key."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis as DrawnAxis
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    EngFormatter,
    FixedLocator,
    FuncFormatter,
    MaxNLocator,
    NullLocator,
)
from matplotlib.transforms import Transform

from landscope.figures import style
from landscope.figures.axes import log_ticks, tick_parts
from landscope.figures.ridges import ridge_lines, ticked
from landscope.figures.spec import (
    BandsPanel,
    BarsPanel,
    Curve,
    Dash,
    Entry,
    LinesPanel,
    Panel,
    PlotAxis,
    RidgesPanel,
    Scale,
)

DASHES: dict[Dash, str | tuple[float, tuple[float, ...]]] = {
    Dash.SOLID: "solid",
    Dash.DASHED: (0.0, (4.5, 1.8)),
    Dash.DOTTED: (0.0, (1.2, 1.4)),
    Dash.DASH_DOT: (0.0, (5.0, 1.6, 1.2, 1.6)),
    Dash.LONG: (0.0, (9.0, 2.0)),
}

_NOTE_POINTS = 9.2
"""Height of a line of a note."""
_BAR_AIR = 1.18
"""The axis reaches this much further than the longest bar, whose number is written there."""


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draws what a panel shows, and sets its axes."""
    match panel:
        case LinesPanel():
            _draw_lines(axes, panel)
            _limit(axes, panel.x, panel.y)
        case BandsPanel():
            _draw_bands(axes, panel)
            _limit(axes, panel.x, panel.y)
        case RidgesPanel():
            _draw_ridges(axes, panel)
        case BarsPanel():
            _draw_bars(axes, panel)


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


def draw_key(axes: Axes, panel: LinesPanel, columns: int) -> None:
    """Names the curves of a panel above its axes, in so many columns."""
    handles = [
        Line2D([], [], color=style.of_norm(entry.norm).colour, ls=DASHES[entry.dash], lw=1.5)
        for entry in panel.key
    ]
    key = axes.legend(
        handles,
        [str(position) for position in range(len(handles))],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        fontsize=7,
        handlelength=2.2,
        handletextpad=0.5,
        columnspacing=1.2,
        labelspacing=0.3,
        borderpad=0.2,
        borderaxespad=0.0,
    )
    for text, entry in zip(key.get_texts(), panel.key, strict=True):
        text.set_text(entry.label)
        text.set_parse_math(False)  # the name of a layer may hold a dollar sign


def _draw_lines(axes: Axes, panel: LinesPanel) -> None:
    for band in panel.bands:
        colour = style.of_norm(band.entry.norm).colour
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.16, lw=0, zorder=1.8)
    for curve in panel.curves:
        if curve.raw:
            colour = style.of_norm(curve.entry.norm).colour
            axes.plot(curve.x, curve.raw, color=colour, lw=0.5, alpha=0.16, zorder=2)
    for curve in panel.curves:
        _draw_curve(axes, curve)
    for mark in panel.crosses:
        _draw_cross(axes, mark.entry, mark.x, mark.y, axes.transData)
    for level in panel.levels:
        axes.axhline(level.value, color=style.MUTED, lw=1.0, ls=(0, (6, 3)), zorder=1.5)


def _draw_curve(axes: Axes, curve: Curve) -> None:
    entry, shade = curve.entry, curve.shade
    axes.plot(
        curve.x,
        curve.y,
        color=style.of_norm(entry.norm).colour if shade is None else style.shade(shade),
        ls=DASHES[entry.dash] if shade is None else "solid",
        lw=1.5 if shade is None else 0.9,
        marker="o",
        markevery=_isolated(curve) if shade is None else None,
        ms=2.5,
        zorder=3,
    )
    if shade is None:
        _mark_ending(axes, entry, curve.y)


def _draw_bands(axes: Axes, panel: BandsPanel) -> None:
    alpha = style.band_opacity(len(panel.bands))
    for band in panel.bands:
        colour = style.of_norm(band.entry.norm).colour
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=alpha, lw=0, zorder=2)
        for side in (band.low, band.high):
            axes.plot(band.x, side, color=colour, lw=1.0, ls=DASHES[band.entry.dash], zorder=3)
        _mark_ending(axes, band.entry, band.low)


def _draw_ridges(axes: Axes, panel: RidgesPanel) -> None:
    """One ridge for each measurement, the oldest at the back, paler the older."""
    lines = ridge_lines(panel)
    for depth, line in enumerate(lines):
        colour = style.tint(panel.entry.norm, line.age)
        height = np.asarray(line.height)
        axes.fill_between(line.x, line.base, height, color=colour, lw=0, zorder=2 + depth)
        axes.plot(line.x, height, color=style.PAGE, lw=0.5, zorder=2 + depth)
    axes.set_xlim(panel.x.low, panel.x.high)
    axes.set_xlabel(panel.x.label, labelpad=1)
    axes.set_ylabel("step", labelpad=2)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)
    feet = ticked(lines)
    axes.set_yticks([line.base for line in feet], [f"{line.step}" for line in feet])
    axes.tick_params(axis="y", length=0)
    if not lines:
        axes.set_ylim(0, 1)
        axes.text(0.5, 0.5, "no finite reading", ha="center", transform=axes.transAxes)
        return
    axes.set_ylim(-0.6, max(max(line.height) for line in lines) + 0.6)


def _draw_bars(axes: Axes, panel: BarsPanel) -> None:
    """The bars from the top down, each with its range and its number."""
    reach = max((bar.high for bar in panel.bars if math.isfinite(bar.high)), default=1.0)
    for row, bar in enumerate(panel.bars):
        if not math.isfinite(bar.value):
            axes.text(0.01 * reach, row, bar.missing, va="center", fontsize=7.5)
            continue
        axes.barh(row, bar.value, height=0.62, color=style.of_norm(bar.entry.norm).colour, zorder=2)
        axes.plot([bar.low, bar.high], [row, row], color=style.INK, lw=1.3, zorder=3)
        axes.plot([bar.low, bar.high], [row, row], "|", color=style.INK, ms=6, zorder=3)
        text = f"{bar.value:.3g}"
        axes.text(bar.high + 0.02 * reach, row, text, va="center", fontsize=7.5, color=style.INK)
    axes.set_yticks(range(len(panel.bars)), [bar.entry.label for bar in panel.bars])
    axes.set_ylim(len(panel.bars) - 0.4, -0.6)
    axes.set_xlim(panel.x.low or 0.0, panel.x.high or _BAR_AIR * reach)
    axes.set_xlabel(panel.x.label, labelpad=1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def _isolated(curve: Curve) -> list[int]:
    """The points between two gaps, which are invisible without a dot."""
    there = np.isfinite(np.asarray([math.nan, *curve.y, math.nan]))
    return np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:]).tolist()


def _mark_ending(axes: Axes, entry: Entry, y: tuple[float, ...]) -> None:
    """A cross where the run broke off: at its last finite value, else at the foot of the axis."""
    if entry.ending is None:
        return
    finite = [value for value in y if math.isfinite(value)]
    height, transform = 0.02, axes.get_xaxis_transform()
    if finite:
        height, transform = finite[-1], axes.transData
    _draw_cross(axes, entry, float(entry.ending.step), height, transform)


def _draw_cross(axes: Axes, entry: Entry, x: float, y: float, transform: Transform) -> None:
    axes.plot(
        [x],
        [y],
        marker="X",
        ms=7,
        ls="",
        color=style.of_norm(entry.norm).colour,
        mec=style.PAGE,
        mew=0.7,
        zorder=5,
        clip_on=False,
        transform=transform,
    )


def _limit(axes: Axes, x: PlotAxis, y: PlotAxis) -> None:
    """Sets scales, limits, labels and ticks of both axes, once everything is drawn."""
    axes.set_xscale(x.scale.value)
    axes.set_yscale(y.scale.value)
    axes.set_xlim(x.low, x.high)
    axes.set_ylim(y.low, y.high)
    axes.set_xlabel(x.label, labelpad=1)
    axes.set_ylabel(y.label, labelpad=2)
    _tick(axes.xaxis, x)
    _tick(axes.yaxis, y)


def _tick(drawn: DrawnAxis, axis: PlotAxis) -> None:
    if axis.scale is Scale.LINEAR:
        if axis.label == "step":
            drawn.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
            drawn.set_major_formatter(EngFormatter(sep=""))
        else:
            drawn.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        return
    ticks = axis.ticks or log_ticks(axis.low or 1.0, axis.high or 10.0)
    drawn.set_major_locator(FixedLocator(ticks))
    drawn.set_major_formatter(FuncFormatter(_tick_text))
    drawn.set_minor_locator(NullLocator())


def _tick_text(tick: float, _position: int | None) -> str:
    number, exponent = tick_parts(tick)
    if not exponent:
        return number
    power = f"10^{{{exponent}}}"
    return f"${power}$" if number == "1" else f"${number}\\!\\cdot\\!{power}$"
