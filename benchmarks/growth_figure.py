"""The figure of growth: cost in training steps over depth and over the batch."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from landscope.figures.style import GRID, INK, MUTED, NORMS

Records = dict[str, list[dict[str, Any]]]

OURS = NORMS["batch"].colour
FRUGAL = NORMS["noisy-batch"].colour
TICKS = (1, 2, 5, 10, 20, 50, 100, 200)
LABELS = {"depth": "layers", "samples": "samples in the batch"}


def draw(records: Records, exponents: dict[str, dict[str, float]], path: Path) -> None:
    """Draw the panels and write the file that ``path`` names.

    Args:
        records: Points by what grows, "depth" and "samples".
        exponents: Fitted exponents by the same.
        path: The file; its ending chooses the kind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A salt that does not change makes equal figures equal files.
    with mpl.rc_context({"svg.hashsalt": "growth", "font.size": 9, "text.color": INK}):
        figure = Figure(figsize=(7.6, 3.4), layout="constrained")
        panels = figure.subplots(1, 2)
        for axes, size in zip(panels, LABELS, strict=True):
            _panel(axes, records[size], size, exponents[size]["in steps"])
        panels[0].set_ylabel("cost in training steps")
        panels[0].legend(frameon=False, loc="upper left")
        dated = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=160, metadata=dated)


def _panel(axes: Axes, rows: list[dict[str, Any]], size: str, exponent: float) -> None:
    sizes = [row[size] for row in rows]
    cost = [row["in steps"] for row in rows]
    below = [row["in steps"] - row["in steps, least"] for row in rows]
    above = [row["in steps, most"] - row["in steps"] for row in rows]
    axes.plot(sizes, [row["frugal in steps"] for row in rows], color=FRUGAL, ls="--", lw=1.2)
    axes.plot(sizes, [row["floor in steps"] for row in rows], color=MUTED, ls=":", lw=1.4)
    axes.errorbar(sizes, cost, (below, above), color=OURS, marker="o", ms=4, lw=1.4, capsize=2)
    for line, label in zip(
        axes.lines, ("frugal, in arithmetic", "floor, in arithmetic"), strict=False
    ):
        line.set_label(label)
    axes.plot([], [], color=OURS, marker="o", ms=4, lw=1.4, label="landscope, by the clock")
    axes.set(xscale="log", yscale="log", xlabel=LABELS[size])
    axes.set_title(
        f"by the clock: {LABELS[size].split()[0]} to the power {exponent:.2f}", fontsize=9
    )
    drawn = [number for line in axes.lines for number in line.get_ydata()]
    axes.set_ylim(0.7 * min(drawn), 1.5 * max(drawn))
    axes.set_yticks([tick for tick in TICKS if axes.get_ylim()[0] < tick < axes.get_ylim()[1]])
    axes.set_xticks(sizes, [str(number) for number in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color=GRID, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
