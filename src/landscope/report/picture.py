"""A figure as the page needs it: a still picture, plots for the scripts, a legend, numbers."""

import base64
from dataclasses import dataclass
from typing import Any

from landscope.figures import interactive, static
from landscope.figures.spec import FigureSpec, LegendItem, Panel, RidgesPanel
from landscope.figures.style import NORMS, SCREEN_DASHES
from landscope.figures.summary import SummaryRow, summarize


@dataclass(frozen=True, slots=True)
class LegendButton:
    """A button of the legend: it switches what carries the key; ``dash`` is an SVG dash array."""

    key: str
    label: str
    norm: str
    dash: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure of the page.

    Args:
        number: The figure's number.
        title: What is measured.
        caption: What to look for.
        description: The figure in words.
        source: The still picture as a data URL.
        legend: The runs that can be switched.
        plots: For each panel its title, notes, place and Plotly figure.
        columns: Of the grid.
        row_height: Of the grid, in twelfths of the width.
        numbers: The figure in numbers.
    """

    number: int
    title: str
    caption: str
    description: str
    source: str
    legend: tuple[LegendButton, ...]
    plots: list[dict[str, Any]]
    columns: int
    row_height: float
    numbers: tuple[SummaryRow, ...]


def picture(spec: FigureSpec) -> Picture:
    """The figure as the page needs it."""
    still = base64.b64encode(static.draw(spec)[static.Format.SVG]).decode()
    return Picture(
        number=spec.number,
        title=spec.title,
        caption=spec.caption,
        description=spec.description,
        source=f"data:image/svg+xml;base64,{still}",
        legend=tuple(_button(item) for item in spec.legend),
        plots=[_plot(panel) for panel in spec.panels],
        columns=spec.columns,
        row_height=spec.row_height,
        numbers=summarize(spec),
    )


def _button(item: LegendItem) -> LegendButton:
    dash = " ".join(f"{length:g}" for length in SCREEN_DASHES[item.dash])
    return LegendButton(item.label, item.full_label, item.norm, dash)


def _plot(panel: Panel) -> dict[str, Any]:
    place = panel.place
    return {
        "title": panel.title,
        "notes": "; ".join(panel.notes),
        "kind": "ridges" if isinstance(panel, RidgesPanel) else "curves",
        "row": f"{place.row + 1} / span {place.rows}",
        "column": f"{place.column + 1} / span {place.columns}",
        "plot": interactive.draw(panel),
    }


def norm_colours() -> dict[str, tuple[str, str]]:
    """For each norm its colour on a white and on a dark page, for the page's style sheet."""
    return {norm: (style.colour, style.dark) for norm, style in NORMS.items()}
