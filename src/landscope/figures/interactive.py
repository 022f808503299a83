"""A panel on screen: a plain Plotly figure, data and layout, for a page to draw.

The colours are those for a white page; `style.dark_twins` maps them for a dark one. Each trace
carries the label of its run as ``meta``, for a legend outside of the plot. Plotly reads labels as
markup, so texts are escaped here.
"""

import math
from collections.abc import Iterable

from landscope.figures import style
from landscope.figures.interactive_layout import (
    Plot,
    colour_bar,
    escaped,
    layout_of,
    level_line,
    number,
)
from landscope.figures.ridges import RidgeLine, ridge_lines, ticked
from landscope.figures.spec import (
    Band,
    BandsPanel,
    Bar,
    BarsPanel,
    Curve,
    Entry,
    LinesPanel,
    Panel,
    PlotAxis,
    RidgesPanel,
)


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
            return {"data": data, "layout": layout_of(panel.x, panel.y)}
        case RidgesPanel():
            return _ridges(panel)
        case BarsPanel():
            return _bars(panel)


def _lines(panel: LinesPanel) -> Plot:
    data = [_filled(band, 0.16) for band in panel.bands]
    data += [trace for curve in panel.curves for trace in _curve(curve)]
    data += [_cross(mark.entry, mark.x, mark.y, mark.text) for mark in panel.crosses]
    layout = layout_of(panel.x, panel.y)
    if panel.levels:
        layout["shapes"] = [level_line(level) for level in panel.levels]
    if panel.colour_bar is not None:
        data.append(colour_bar(panel.colour_bar))
        layout["hovermode"] = "closest"
    return {"data": data, "layout": layout}


def _curve(curve: Curve) -> Iterable[Plot]:
    colour = style.of_norm(curve.entry.norm).colour
    if curve.raw:
        yield {
            **_trace(curve.entry, curve.x, curve.raw),
            "line": {"color": colour, "width": 0.8},
            "opacity": 0.22,
            "hoverinfo": "skip",
        }
    name = escaped(curve.name or curve.entry.label)
    line: Plot = {"color": colour, "width": 2, "dash": _dash(curve.entry)}
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
    colour = style.of_norm(band.entry.norm).colour
    name = escaped(band.entry.label)
    yield _filled(band, style.band_opacity(bands))
    line = {"color": colour, "width": 1.3, "dash": _dash(band.entry)}
    yield {**_trace(band.entry, band.x, band.low), "line": line, "hoverinfo": "skip"}
    yield {
        **_trace(band.entry, band.x, band.high),
        "name": name,
        "line": line,
        "customdata": [number(value) for value in band.low],
        "hovertemplate": f"{name}: %{{customdata:.4~g}} to %{{y:.4~g}}<extra></extra>",
    }
    yield from _ending(band.entry, band.low)


def _filled(band: Band, opacity: float) -> Plot:
    x, y = _outline(band)
    return {
        **_trace(band.entry, x, y),
        "fill": "toself",
        "fillcolor": style.of_norm(band.entry.norm).colour,
        "line": {"width": 0},
        "opacity": opacity,
        "hoverinfo": "skip",
    }


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
    layout = layout_of(panel.x, PlotAxis("step"))
    layout["hovermode"] = "closest"
    layout["margin"] |= {"l": 44, "t": 2, "b": 34}
    layout["xaxis"]["nticks"] = 4
    layout["xaxis"]["showgrid"] = False
    feet = ticked(lines)
    top = max((max(line.height) for line in lines), default=1.0)
    layout["yaxis"] |= {
        "tickvals": [line.base for line in feet],
        "ticktext": [str(line.step) for line in feet],
        "range": [-0.6, number(top + 0.6)],
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


def _bars(panel: BarsPanel) -> Plot:
    layout = layout_of(panel.x, PlotAxis(""))
    layout["hovermode"] = "closest"
    layout["xaxis"]["rangemode"] = "tozero"
    del layout["yaxis"]["nticks"]
    layout["yaxis"] |= {
        "type": "category",
        "autorange": "reversed",  # the first at the top, as they are listed
        "automargin": True,
        "ticklabelstandoff": 6,
        "showgrid": False,
        "showline": False,
    }
    return {"data": [_bar(bar) for bar in panel.bars], "layout": layout}


def _bar(bar: Bar) -> Plot:
    name = escaped(bar.entry.label)
    measured = math.isfinite(bar.value)
    return {
        "type": "bar",
        "orientation": "h",
        "x": [number(bar.value) if measured else 0.0],
        "y": [name],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [number(bar.high - bar.value) if measured else 0.0],
            "arrayminus": [number(bar.value - bar.low) if measured else 0.0],
            "color": style.INK,
            "thickness": 1.3,
        },
        "marker": {"color": style.of_norm(bar.entry.norm).colour},
        "text": [f"{bar.value:.3g}" if measured else escaped(bar.missing)],
        "textposition": "inside" if measured else "outside",
        "insidetextanchor": "start",
        "meta": bar.entry.label,
        "showlegend": False,
        "hovertemplate": f"{name}: %{{x:.4~g}} ({bar.low:.4g} to {bar.high:.4g})<extra></extra>"
        if measured
        else f"{name}: {escaped(bar.missing)}<extra></extra>",
    }


def _dash(entry: Entry) -> str:
    lengths = style.SCREEN_DASHES[entry.dash]
    return ",".join(f"{length:g}px" for length in lengths) or "solid"


def _trace(entry: Entry, x: Iterable[float], y: Iterable[float]) -> Plot:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [number(value) for value in x],
        "y": [number(value) for value in y],
        "meta": entry.label,
        "showlegend": False,
        "connectgaps": False,
    }


def _ending(entry: Entry, y: tuple[float, ...]) -> Iterable[Plot]:
    finite = [value for value in y if math.isfinite(value)]
    if entry.ending is None or not finite:
        return
    yield _cross(entry, float(entry.ending.step), finite[-1], entry.full_label)


def _cross(entry: Entry, x: float, y: float, text: str) -> Plot:
    return {
        **_trace(entry, [x], [y]),
        "mode": "markers",
        "marker": {"symbol": "x", "size": 9, "color": style.of_norm(entry.norm).colour},
        "hovertemplate": f"{escaped(text)}<extra></extra>",
        "cliponaxis": False,
    }
