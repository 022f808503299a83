"""A figure on paper: SVG or PNG by matplotlib, the same bytes for the same records."""

import io
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.style import context

from landscope.figures import style
from landscope.figures.spec import ColourBar, FigureSpec, LegendItem, LinesPanel
from landscope.figures.static_layout import KEY_POINTS, WIDTH, FigureLayout
from landscope.figures.static_panels import DASHES, annotate, draw_key, draw_panel

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


@lru_cache(maxsize=16)
def draw(spec: FigureSpec) -> Mapping[Format, bytes]:
    """Draws a figure on a white page; equal figures are drawn once, for the files and the report.

    Args:
        spec: What to draw.

    Returns:
        The content of a file of each format: SVG with its text as outlines, PNG at 150 dots an
        inch. Equal for equal specifications.
    """
    with context(["default", _SETTINGS]):
        figure = _figure(spec, WIDTH)
        return MappingProxyType({each: _file(figure, each) for each in Format})


class Drawing(Figure):
    """A figure that a notebook shows, whether or not anybody there has loaded pyplot."""

    def _repr_png_(self) -> bytes:
        return _file(self, Format.PNG)


def drawing(spec: FigureSpec, width: float) -> Drawing:
    """Draws a figure to be looked at, changed and saved by whoever asked for it.

    Args:
        spec: What to draw.
        width: Its width in inches.
    """
    with context(["default", _SETTINGS]):
        figure = _figure(spec, width)
        # Ticks are made as they are drawn, and take the settings of that time.
        figure.draw_without_rendering()
        return figure


def _file(figure: Figure, file_format: Format) -> bytes:
    buffer = io.BytesIO()
    # Without a date and with a fixed salt for ids, equal figures are equal bytes.
    metadata = {"Date": None} if file_format is Format.SVG else {"Software": None}
    figure.savefig(buffer, format=file_format.value, dpi=150, metadata=metadata)
    return buffer.getvalue()


def _figure(spec: FigureSpec, width: float) -> Drawing:
    layout = FigureLayout(spec, width)
    figure = Drawing(figsize=(width, layout.height))
    title, top = "\n".join(layout.heading), 1 - 0.08 / layout.height
    text = figure.text(0.096 / width, top, title, va="top", fontsize=11, weight="bold")
    text.set(color=style.INK, parse_math=False)  # a run may be called what it likes
    for panel in spec.panels:
        axes = figure.add_axes(layout.axes(panel))
        draw_panel(axes, panel)
        key_points = KEY_POINTS * layout.key_lines(panel)
        annotate(axes, layout.title(panel), layout.notes(panel), key_points)
        if isinstance(panel, LinesPanel) and panel.key:
            draw_key(axes, panel, layout.key_columns(panel))
        if not layout.has_x_label(panel):
            axes.set_xlabel("")
        if isinstance(panel, LinesPanel) and panel.colour_bar is not None:
            _draw_colour_bar(figure, layout, panel.colour_bar)
    _draw_legend(figure, layout)
    return figure


def _draw_colour_bar(figure: Figure, layout: FigureLayout, bar: ColourBar) -> None:
    shades = ListedColormap([style.shade(at / (style.SHADES - 1)) for at in range(style.SHADES)])
    mappable = ScalarMappable(Normalize(bar.low, bar.high or 1.0), shades)
    figure.colorbar(mappable, cax=figure.add_axes(layout.bar()), label=bar.label)


def _draw_legend(figure: Figure, layout: FigureLayout) -> None:
    handles = [_handle(item) for item in layout.spec.legend]
    if handles:
        figure.legend(
            handles=handles,
            loc="lower center",
            ncols=layout.legend_columns,
            fontsize=9,
            handlelength=3.2,
        )


def _handle(item: LegendItem) -> Line2D:
    return Line2D(
        [],
        [],
        color=style.of_norm(item.norm).colour,
        ls=DASHES[item.dash],
        lw=2,
        marker="X" if item.endings else "",
        ms=6,
        label=item.full_label,
    )
