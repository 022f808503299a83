"""Curves, bands and ridges on paper."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform

from landscope.figures import style
from landscope.figures.heights import ridge_lines
from landscope.figures.spec import (
    BandsPanel,
    Curve,
    Dash,
    Entry,
    LegendItem,
    LinesPanel,
    RidgesPanel,
)

_DASHES: dict[Dash, str | tuple[float, tuple[float, ...]]] = {
    Dash.SOLID: "solid",
    Dash.DASHED: (0.0, (4.5, 1.8)),
    Dash.DOTTED: (0.0, (1.2, 1.4)),
    Dash.DASH_DOT: (0.0, (5.0, 1.6, 1.2, 1.6)),
    Dash.LONG: (0.0, (9.0, 2.0)),
}


def draw_curves(axes: Axes, panel: LinesPanel) -> None:
    """Draws bands, faint raw readings, lines, levels and the marks where runs broke off."""
    for band in panel.bands:
        colour = style.look(band.entry.norm).colour
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.16, lw=0, zorder=1.8)
    for curve in panel.curves:
        if curve.raw:
            colour = style.look(curve.entry.norm).colour
            axes.plot(curve.x, curve.raw, color=colour, lw=0.5, alpha=0.16, zorder=2)
    for curve in panel.curves:
        axes.plot(
            curve.x,
            curve.y,
            color=_colour(curve),
            ls=_DASHES[curve.entry.dash] if curve.shade is None else "solid",
            lw=1.5 if curve.shade is None else 0.9,
            marker="o",
            markevery=_lonely(curve) if curve.shade is None else None,
            ms=2.5,
            zorder=3,
        )
        if curve.entry.ending is not None and curve.shade is None:
            _mark_ending(axes, curve.entry, curve.y)
    for mark in panel.marks:
        _cross(axes, mark.entry, mark.x, mark.y, axes.transData)
    for level in panel.levels:
        axes.axhline(level.value, color=style.MUTED, lw=1.0, ls=(0, (6, 3)), zorder=1.5)


def draw_bands(axes: Axes, panel: BandsPanel) -> None:
    """Draws each band with its two edges; where a run broke off there is a mark."""
    alpha = style.band_opacity(len(panel.bands))
    for band in panel.bands:
        colour = style.look(band.entry.norm).colour
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=alpha, lw=0, zorder=2)
        for side in (band.low, band.high):
            axes.plot(band.x, side, color=colour, lw=1.0, ls=_DASHES[band.entry.dash], zorder=3)
        if band.entry.ending is not None:
            _mark_ending(axes, band.entry, band.low)


def draw_ridges(axes: Axes, panel: RidgesPanel) -> None:
    """Draws one ridge for each look, the oldest at the back, paler the older."""
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
    ticked = [lines[at] for at in sorted({0, len(lines) // 2, len(lines) - 1}) if lines]
    axes.set_yticks([line.base for line in ticked], [f"{line.step}" for line in ticked])
    axes.tick_params(axis="y", length=0)
    if not lines:
        axes.set_ylim(0, 1)
        axes.text(0.5, 0.5, "no finite reading", ha="center", transform=axes.transAxes)
        return
    axes.set_ylim(-0.6, max(max(line.height) for line in lines) + 0.6)


def draw_key(axes: Axes, panel: LinesPanel, columns: int) -> None:
    """Names the curves of a panel above its axes, in so many columns."""
    handles = [
        Line2D([], [], color=style.look(entry.norm).colour, ls=_DASHES[entry.dash], lw=1.5)
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
        # Names of layers are what they are, and no formula.
        text.set_text(entry.label)
        text.set_parse_math(False)


def legend_handle(item: LegendItem) -> Line2D:
    """What the legend shows of a label."""
    return Line2D(
        [],
        [],
        color=style.look(item.norm).colour,
        ls=_DASHES[item.dash],
        lw=2,
        marker="X" if item.endings else "",
        ms=6,
        label=item.full_label,
    )


def _colour(curve: Curve) -> str:
    if curve.shade is not None:
        return style.shade(curve.shade)
    return style.look(curve.entry.norm).colour


def _lonely(curve: Curve) -> list[int]:
    """The points between two gaps, which without a mark nobody would see."""
    there = np.isfinite(np.asarray([math.nan, *curve.y, math.nan]))
    return np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:]).tolist()


def _mark_ending(axes: Axes, entry: Entry, y: tuple[float, ...]) -> None:
    """A cross at the step where the run broke off, as high as its last finite value."""
    finite = np.flatnonzero(np.isfinite(np.asarray(y)))
    last, height, transform = _foot(axes, entry)
    if finite.size:
        height, transform = y[finite[-1]], axes.transData
    _cross(axes, entry, last, height, transform)


def _cross(axes: Axes, entry: Entry, x: float, y: float, transform: Transform) -> None:
    axes.plot(
        [x],
        [y],
        marker="X",
        ms=7,
        ls="",
        color=style.look(entry.norm).colour,
        mec=style.PAGE,
        mew=0.7,
        zorder=5,
        clip_on=False,
        transform=transform,
    )


def _foot(axes: Axes, entry: Entry) -> tuple[float, float, Transform]:
    """The foot of the axis at the step where a run without one finite reading broke off."""
    step = 0.0 if entry.ending is None else float(entry.ending.step)
    return step, 0.02, axes.get_xaxis_transform()
