"""A figure on paper: SVG or PNG by matplotlib, the same bytes for the same records."""

import io
from enum import StrEnum
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.style import context

from landscope.figures import style
from landscope.figures.spec import BandsPanel, ColourBar, FigureSpec, LinesPanel, Panel, RidgesPanel
from landscope.figures.static_axes import annotate, limit
from landscope.figures.static_marks import draw_bands, draw_curves, draw_ridges, legend_handle

_WIDTH = 12.0
"""Of every figure, in inches; `FigureSpec.row_height` is in the same unit."""
_HEAD = 1.0
"""Inches for the title and the legend."""

_SETTINGS = {
    "svg.hashsalt": "landscope",
    "svg.fonttype": "path",
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlecolor": style.INK,
    "axes.labelcolor": style.INK,
    "axes.edgecolor": style.MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": style.GRID,
    "grid.linewidth": 0.6,
    "xtick.color": style.MUTED,
    "ytick.color": style.MUTED,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.labelcolor": style.INK,
    "ytick.labelcolor": style.INK,
    "legend.frameon": False,
    "figure.facecolor": style.PAGE,
    "savefig.facecolor": style.PAGE,
}


class Format(StrEnum):
    """A kind of file."""

    SVG = "svg"
    PNG = "png"


@lru_cache(maxsize=2 * 16)
def draw(spec: FigureSpec, file_format: Format) -> bytes:
    """Draws a figure on a white page; equal figures are drawn once, for the files and the report.

    Args:
        spec: What to draw.
        file_format: SVG, with its text as outlines, or PNG at 150 dots an inch.

    Returns:
        The content of the file; equal for equal specifications.
    """
    with context(["default", _SETTINGS]):
        figure = _figure(spec)
        buffer = io.BytesIO()
        # Without a date and with a fixed salt for ids, equal figures are equal bytes.
        metadata = {"Date": None} if file_format is Format.SVG else {"Software": None}
        figure.savefig(buffer, format=file_format.value, dpi=150, metadata=metadata)
    return buffer.getvalue()


def _figure(spec: FigureSpec) -> Figure:
    height = spec.rows * spec.row_height + _HEAD
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    figure.suptitle(
        f"Figure {spec.number}. {spec.title}", x=0.008, ha="left", fontsize=11, weight="bold"
    )
    grid = figure.add_gridspec(spec.rows, spec.columns)
    barred: list[Axes] = []
    bar: ColourBar | None = None
    for panel in spec.panels:
        place = panel.place
        axes = figure.add_subplot(
            grid[place.row : place.row + place.rows, place.column : place.column + place.columns]
        )
        _draw_panel(axes, panel, columns=spec.columns)
        if _stands_on_another(panel, spec.panels):
            axes.set_xlabel("")
        if isinstance(panel, LinesPanel) and panel.colour_bar is not None:
            barred.append(axes)
            bar = panel.colour_bar
    if bar is not None:
        _draw_colour_bar(figure, barred, bar)
    _draw_legend(figure, spec)
    return figure


def _draw_panel(axes: Axes, panel: Panel, columns: int) -> None:
    match panel:
        case LinesPanel():
            draw_curves(axes, panel)
            limit(axes, panel.x, panel.y)
        case BandsPanel():
            draw_bands(axes, panel)
            limit(axes, panel.x, panel.y)
        case RidgesPanel():
            draw_ridges(axes, panel)
    annotate(axes, panel, width=_WIDTH * panel.place.columns / columns)


def _stands_on_another(panel: Panel, panels: tuple[Panel, ...]) -> bool:
    """Whether the panel below has the same x, and says so."""
    below = (panel.place.row + panel.place.rows, panel.place.column)
    return any((other.place.row, other.place.column) == below for other in panels)


def _draw_colour_bar(figure: Figure, barred: list[Axes], bar: ColourBar) -> None:
    shades = ListedColormap([style.shade(at / (style.SHADES - 1)) for at in range(style.SHADES)])
    mappable = ScalarMappable(Normalize(bar.low, bar.high or 1.0), shades)
    figure.colorbar(mappable, ax=barred, label=bar.label, fraction=0.03, pad=0.01)


def _draw_legend(figure: Figure, spec: FigureSpec) -> None:
    handles: list[Line2D] = [legend_handle(item) for item in spec.legend]
    if handles:
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=len(handles) if len(handles) <= 5 else -(-len(handles) // 2),
            fontsize=9,
            handlelength=3.2,
        )
