"""A panel on screen: a plain Plotly figure, data and layout, for a page to draw.

The colours are those for a white page; `style.dark_twins` maps them for a dark one. Each trace
carries the label of its run as ``meta``, for a legend outside of the plot. Plotly reads labels as
markup, so texts are escaped here.
"""

import html
import math
from collections.abc import Iterable
from typing import Any

from landscope.figures import style
from landscope.figures.heights import RidgeLine, ridge_lines
from landscope.figures.spec import (
    Axis,
    Band,
    BandsPanel,
    ColourBar,
    Curve,
    Dash,
    Entry,
    Level,
    LinesPanel,
    Panel,
    RidgesPanel,
    Scale,
)

_FEW = 150.0
"""A log axis that spans less than this factor has a tick at 1, 2 and 5 of each decade."""

Plot = dict[str, Any]
"""A part of a Plotly figure: plain dicts, lists, texts and finite numbers."""

_DASHES = {
    Dash.SOLID: "solid",
    Dash.DASHED: "7px,3px",
    Dash.DOTTED: "2px,2.5px",
    Dash.DASH_DOT: "8px,3px,2px,3px",
    Dash.LONG: "14px,3px",
}
_DIGITS = 5
"""Significant digits: more than a screen shows, and a third of the bytes."""


def draw(panel: Panel) -> Plot:
    """The Plotly figure of one panel, without its title and legend, which are the page's.

    Args:
        panel: What to draw.

    Returns:
        ``{"data": [...], "layout": {...}}``, ready for JSON; gaps are None.
    """
    match panel:
        case LinesPanel():
            return _lines(panel)
        case BandsPanel():
            data = [trace for band in panel.bands for trace in _band(band, len(panel.bands))]
            return {"data": data, "layout": _layout(panel.x, panel.y)}
        case RidgesPanel():
            return _ridges(panel)


def _lines(panel: LinesPanel) -> Plot:
    data = [trace for curve in panel.curves for trace in _curve(curve)]
    layout = _layout(panel.x, panel.y)
    if panel.levels:
        layout["shapes"] = [_level_line(level) for level in panel.levels]
        layout["annotations"] = [_level_text(level, panel.y) for level in panel.levels]
    if panel.colour_bar is not None:
        data.append(_colour_bar(panel.colour_bar))
        layout["hovermode"] = "closest"
    return {"data": data, "layout": layout}


def _curve(curve: Curve) -> Iterable[Plot]:
    colour = style.NORMS[curve.entry.norm].colour
    if curve.raw:
        yield {
            **_trace(curve.entry, curve.x, curve.raw),
            "line": {"color": colour, "width": 0.8},
            "opacity": 0.22,
            "hoverinfo": "skip",
        }
    name = _escaped(curve.name or curve.entry.label)
    line: Plot = {"color": colour, "width": 2, "dash": _DASHES[curve.entry.dash]}
    mode = "lines+markers" if len(curve.x) == 1 else "lines"
    hover = f"{name}: %{{y:.4~g}}<extra></extra>"
    if curve.shade is not None:
        line = {"color": style.shade(curve.shade), "width": 1.2}
        mode = "lines+markers"
        hover = f"{name}<br>η = %{{x:.3~g}}: %{{y:.4~g}}<extra></extra>"
    yield {
        **_trace(curve.entry, curve.x, curve.y),
        "mode": mode,
        "name": name,
        "line": line,
        "marker": {"size": 5, "color": line["color"]},
        "hovertemplate": hover,
    }
    if curve.shade is None:
        yield from _ending(curve.entry, curve.y)


def _band(band: Band, bands: int) -> Iterable[Plot]:
    colour = style.NORMS[band.entry.norm].colour
    name = _escaped(band.entry.label)
    x, y = _outline(band)
    yield {
        **_trace(band.entry, x, y),
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "opacity": style.band_opacity(bands),
        "hoverinfo": "skip",
    }
    line = {"color": colour, "width": 1.3, "dash": _DASHES[band.entry.dash]}
    yield {**_trace(band.entry, band.x, band.low), "line": line, "hoverinfo": "skip"}
    yield {
        **_trace(band.entry, band.x, band.high),
        "name": name,
        "line": line,
        "customdata": [_number(value) for value in band.low],
        "hovertemplate": f"{name}: %{{customdata:.4~g}} to %{{y:.4~g}}<extra></extra>",
    }
    yield from _ending(band.entry, band.low)


def _outline(band: Band) -> tuple[list[float], list[float]]:
    """Each stretch without a gap as a closed polygon; gaps between the polygons."""
    x: list[float] = []
    y: list[float] = []
    stretch: list[tuple[float, float, float]] = []
    for point in (*zip(band.x, band.low, band.high, strict=True), (math.nan, math.nan, math.nan)):
        if all(math.isfinite(value) for value in point):
            stretch.append(point)
            continue
        x += [at for at, _, _ in stretch] + [at for at, _, _ in reversed(stretch)] + [math.nan]
        y += [low for _, low, _ in stretch] + [high for _, _, high in reversed(stretch)]
        y.append(math.nan)
        stretch = []
    return x[:-1], y[:-1]


def _ridges(panel: RidgesPanel) -> Plot:
    lines = ridge_lines(panel)
    layout = _layout(panel.x, Axis("step"))
    layout["hovermode"] = "closest"
    layout["margin"] |= {"l": 44, "t": 2, "b": 34}
    layout["xaxis"]["nticks"] = 4
    layout["xaxis"]["showgrid"] = False
    ticked = [lines[at] for at in sorted({0, len(lines) // 2, len(lines) - 1}) if lines]
    top = max((max(line.height) for line in lines), default=1.0)
    layout["yaxis"] |= {
        "tickvals": [line.base for line in ticked],
        "ticktext": [str(line.step) for line in ticked],
        "range": [-0.6, _number(top + 0.6)],
        "showgrid": False,
        "showline": False,
    }
    return {"data": [_ridge(panel.entry, line) for line in lines], "layout": layout}


def _ridge(entry: Entry, line: RidgeLine) -> Plot:
    x = (*line.x, line.x[0])
    y = (*line.height, line.height[0])
    text = f"step {line.step}<br>mean {line.mean:.3g}, standard deviation {line.deviation:.3g}"
    return {
        **_trace(entry, x, y),
        "fill": "toself",
        "fillcolor": style.tint(entry.norm, line.age),
        "line": {"color": style.PAGE, "width": 0.6},
        "hoveron": "fills",
        "text": text,
        "hoverinfo": "text",
        "hoverlabel": {"bgcolor": style.PAGE, "font": {"color": style.INK}},
    }


def _trace(entry: Entry, x: Iterable[float], y: Iterable[float]) -> Plot:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [_number(value) for value in x],
        "y": [_number(value) for value in y],
        "meta": entry.label,
        "showlegend": False,
        "connectgaps": False,
    }


def _ending(entry: Entry, y: tuple[float, ...]) -> Iterable[Plot]:
    finite = [value for value in y if math.isfinite(value)]
    if entry.ending is None or not finite:
        return
    yield {
        **_trace(entry, [float(entry.ending.step)], finite[-1:]),
        "mode": "markers",
        "marker": {"symbol": "x", "size": 9, "color": style.NORMS[entry.norm].colour},
        "hovertemplate": f"{_escaped(entry.full_label)}<extra></extra>",
        "cliponaxis": False,
    }


def _colour_bar(bar: ColourBar) -> Plot:
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
            "color": [_number(bar.low)],
            "cmin": _number(bar.low),
            "cmax": _number(bar.high),
            "colorscale": scale,
            "showscale": True,
            "colorbar": {
                "title": {"text": _escaped(bar.label), "side": "right"},
                "thickness": 12,
                "outlinewidth": 0,
                "tickfont": {"color": style.INK},
            },
        },
    }


def _level_line(level: Level) -> Plot:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": level.value,
        "y1": level.value,
        "line": {"color": style.MUTED, "width": 1.2, "dash": "6px,4px"},
        "layer": "below",
    }


def _level_text(level: Level, y: Axis) -> Plot:
    return {
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": math.log10(level.value) if y.scale is Scale.LOG else level.value,
        "yanchor": "bottom",
        "text": _escaped(level.label),
        "showarrow": False,
        "bgcolor": style.PAGE,
        "opacity": 0.85,
        "font": {"size": 10, "color": style.MUTED},
    }


def _layout(x: Axis, y: Axis) -> Plot:
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


def _axis(axis: Axis) -> Plot:
    drawn: Plot = {
        "title": {"text": _escaped(axis.label), "standoff": 4},
        "type": axis.scale.value,
        "gridcolor": style.GRID,
        "linecolor": style.MUTED,
        "showline": True,
        "zeroline": False,
        "tickangle": 0,
        "nticks": 6,
    }
    if axis.low is not None and axis.high is not None:
        ends = (axis.low, axis.high)
        if axis.scale is Scale.LOG:
            ends = (math.log10(axis.low), math.log10(axis.high))
            values, texts = _log_ticks(axis.low, axis.high)
            drawn |= {"tickvals": values, "ticktext": texts}
            del drawn["nticks"]
        drawn["range"] = [_number(end) for end in ends]
    return drawn


def _log_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Ticks at each decade, and also at 2 and 5 of it where there are few."""
    mantissas = (1, 2, 5) if high / low < _FEW else (1,)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = {
        float(f"{mantissa}e{exponent}"): _power(mantissa, exponent)
        for exponent in exponents
        for mantissa in mantissas
    }
    shown = {value: text for value, text in ticks.items() if low <= value <= high}
    return list(shown), list(shown.values())


def _power(mantissa: int, exponent: int) -> str:
    if -4 < exponent < 5:
        return f"{float(f'{mantissa}e{exponent}'):g}"
    power = f"10<sup>{exponent}</sup>"
    return power if mantissa == 1 else f"{mantissa}·{power}"


def _number(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
