"""What surrounds the curves of a panel on screen: axes, levels and the colour bar, for Plotly."""

import html
import math
from typing import Any

from landscope.figures import style
from landscope.figures.axes import log_ticks, tick_parts
from landscope.figures.spec import ColourBar, Level, PlotAxis, Scale

Plot = dict[str, Any]
"""A part of a Plotly figure: plain dicts, lists, texts and finite numbers."""

_DIGITS = 5
"""Significant digits: more than a screen shows, and a third of the bytes."""


def number(value: float) -> float | None:
    """The number, rounded; None for one that is not finite, which JSON has no word for."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def escaped(text: str) -> str:
    """The text as Plotly, which reads labels as markup, shows it unchanged."""
    return html.escape(text, quote=False)


def colour_bar(bar: ColourBar) -> Plot:
    """A trace without points that only shows the colour bar."""
    last = style.SHADES - 1
    scale = [[at / last, style.shade(at / last)] for at in range(style.SHADES)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "showlegend": False,
        "hoverinfo": "skip",
        "marker": {
            "color": [number(bar.low)],
            "cmin": number(bar.low),
            "cmax": number(bar.high),
            "colorscale": scale,
            "showscale": True,
            "colorbar": {
                "title": {"text": escaped(bar.label), "side": "right"},
                "thickness": 12,
                "outlinewidth": 0,
                "tickfont": {"color": style.INK},
            },
        },
    }


def level_line(level: Level) -> Plot:
    """The line of a level, over the panel's whole width."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": level.value,
        "y1": level.value,
        "line": {"color": style.MUTED, "width": 1.2, "dash": "6px,4px"},
        "layer": "above",  # the grid, which may have a line at the same value, hides one below
    }


def layout_of(x: PlotAxis, y: PlotAxis) -> Plot:
    """Margins, fonts, colours and both axes."""
    return {
        "margin": {"l": 54, "r": 12, "t": 8, "b": 38},
        "paper_bgcolor": style.PAGE,
        "plot_bgcolor": style.PAGE,
        "font": {"family": "system-ui, sans-serif", "size": 11, "color": style.INK},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": style.PAGE,
            "bordercolor": style.MUTED,
            "font": {"color": style.INK},
        },
        "xaxis": _axis(x),
        "yaxis": _axis(y),
        "showlegend": False,
    }


def _axis(axis: PlotAxis) -> Plot:
    drawn: Plot = {
        "title": {"text": escaped(axis.label), "standoff": 4},
        "type": axis.scale.value,
        "gridcolor": style.GRID,
        "linecolor": style.MUTED,
        "showline": True,
        "zeroline": False,
        "tickangle": 0,
    }
    ticks = list(axis.ticks)
    if axis.low is not None and axis.high is not None:
        ends = (axis.low, axis.high)
        if axis.scale is Scale.LOG:
            ends = (math.log10(axis.low), math.log10(axis.high))
            ticks = ticks or log_ticks(axis.low, axis.high)
        drawn["range"] = [number(end) for end in ends]
    if ticks:
        drawn |= {"tickvals": ticks, "ticktext": [_tick_text(tick) for tick in ticks]}
    else:
        drawn["nticks"] = 6
    return drawn


def _tick_text(tick: float) -> str:
    number, exponent = tick_parts(tick)
    if not exponent:
        return number
    power = f"10<sup>{exponent}</sup>"
    return power if number == "1" else f"{number}·{power}"
