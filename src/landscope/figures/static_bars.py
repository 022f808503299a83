"""Bars on paper."""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from landscope.figures import style
from landscope.figures.spec import BarsPanel

_AIR = 1.18
"""The axis reaches this much further than the longest bar: its number stands there."""


def draw_bars(axes: Axes, panel: BarsPanel) -> None:
    """Draws the bars from the top down, each with its range and its number."""
    reach = max((bar.high for bar in panel.bars if math.isfinite(bar.high)), default=1.0)
    for row, bar in enumerate(panel.bars):
        if not math.isfinite(bar.value):
            axes.text(0.01 * reach, row, bar.missing, va="center", fontsize=7.5)
            continue
        axes.barh(row, bar.value, height=0.62, color=style.look(bar.entry.norm).colour, zorder=2)
        axes.plot([bar.low, bar.high], [row, row], color=style.INK, lw=1.3, zorder=3)
        axes.plot([bar.low, bar.high], [row, row], "|", color=style.INK, ms=6, zorder=3)
        text = f"{bar.value:.3g}"
        axes.text(bar.high + 0.02 * reach, row, text, va="center", fontsize=7.5, color=style.INK)
    axes.set_yticks(range(len(panel.bars)), [bar.entry.label for bar in panel.bars])
    axes.set_ylim(len(panel.bars) - 0.4, -0.6)
    axes.set_xlim(panel.x.low or 0.0, panel.x.high or _AIR * reach)
    axes.set_xlabel(panel.x.label, labelpad=1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
