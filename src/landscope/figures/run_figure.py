"""The figure of one run: what was measured at its steps, in a panel for each kind of reading."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from landscope.errors import RecordError, UsageError
from landscope.figures.axes import linear_axis, log_axis, lowered
from landscope.figures.run_series import RunSeries, Trace, extreme
from landscope.figures.spec import (
    Band,
    Cross,
    Curve,
    Entry,
    FigureSpec,
    Level,
    LinesPanel,
    Place,
    PlotAxis,
    Scale,
)
from landscope.figures.static import Drawing, drawing
from landscope.figures.style import LINES
from landscope.quantities import (
    COVARIATE_SHIFT,
    GRADIENT,
    NOISE_SCALE,
    NORM_HEALTH,
    PAPER_LINE,
    STEP_SIZE,
    TRAINING,
    UPDATE,
    Quantity,
)
from landscope.reading import Reading

WIDTH = 12.0
"""In inches, unless another is asked for."""

_PANEL = 3.2  # inches at least, as its title and its labels need them
_ROW = 2.7  # inches
_WORST = 3  # layers; more lines cannot be distinguished
_LETTERS = 26  # of a layer's name: its end says which it is
_DECADE = 10.0  # a loss that falls less is read off a linear axis
_FOOT = 0.1  # an axis is longer by this share where crosses are drawn beneath the lines
_AIR = 0.06  # around the values on a linear axis, as a share of what they span

_Lines = Sequence[tuple[str, Trace]]


def run_figure(readings: Iterable[Reading], title: str, width: float = WIDTH) -> Drawing:
    """Small multiples of one run over its steps; only of what was read.

    Readings that are not finite, or whose status says that they are not to be believed, are gaps
    in the lines, with crosses beneath.

    Args:
        readings: All of the run, in any order.
        title: Is written above it.
        width: Inches; there are as many columns of panels as fit.

    Returns:
        A matplotlib ``Figure`` that needs no display and no pyplot.

    Raises:
        UsageError: The width is too small for a panel, or no number.
        RecordError: Nothing that it could draw was read.
    """
    if not _PANEL <= width < math.inf:
        raise UsageError(
            f"width = {width}",
            f"a panel needs {_PANEL} inches, and the figure as many as it is given",
            "give 12.0 for a page, or 6.0 for a column",
        )
    return drawing(_specify(readings, title, int(width / _PANEL)), width)


def _specify(readings: Iterable[Reading], title: str, columns: int) -> FigureSpec:
    """Panels beside each other in as many columns as asked for, or fewer that fill the rows."""
    series = RunSeries(readings)
    panels = [panel for build in _BUILDERS if (panel := build(series)) is not None]
    if not panels:
        raise RecordError(
            title,
            "there is no reading that a figure of a run shows",
            "measure at a few steps first; Scope(..., every=1) measures at each",
        )
    last = max((x for panel in panels for curve in panel.curves for x in curve.x), default=0.0)
    air = 0.02 * (last or 1.0)
    steps = PlotAxis("step", low=-air, high=(last or 1.0) + air)
    rows = -(-len(panels) // columns)
    beside = -(-len(panels) // rows)
    placed = [
        replace(panel, place=Place(*divmod(position, beside)), x=steps)
        for position, panel in enumerate(panels)
    ]
    return FigureSpec(0, title, "Over the steps of one training.", tuple(placed), row_height=_ROW)


def _loss(series: RunSeries) -> LinesPanel | None:
    trace = series.whole(GRADIENT.loss) or series.whole(TRAINING.train_loss)
    lines = _there({"loss": trace})
    known = _known(lines)
    falls_far = bool(known) and min(known) > 0 and max(known) > _DECADE * min(known)
    build = _log_panel if falls_far else _linear_panel
    return build("Training loss at each measurement", "loss", lines)


def _edge(series: RunSeries) -> LinesPanel | None:
    lines = _there(
        {
            "along the update": series.whole(STEP_SIZE.sharpness_lr),
            "along the gradient, greatest": series.whole(PAPER_LINE.beta_lr),
        }
    )
    level = Level(2.0, "edge of stability, 2")
    return _log_panel("Learning rate x curvature", "beta x lr (1)", lines, level)


def _safe(series: RunSeries) -> LinesPanel | None:
    trace = series.whole(STEP_SIZE.safe_multiple)
    if trace is None:
        return None
    none = {step: "the loss rises at once" for step, value in trace.points if value == 0}
    above = tuple(math.nan if step in none else value for step, value in trace.points)
    lines = [("safe multiple", replace(trace, values=above))]
    level = Level(1.0, "the step that was taken, 1")
    panel = _log_panel("Largest safe step", "multiple (1)", lines, level)
    if panel is None or not none:
        return panel
    y = panel.y if panel.crosses else _with_foot(panel.y)
    marks = _crosses(Entry("safe multiple", "rest", ""), none, y)
    notes = (*panel.notes, f"dark cross: 0, the loss rises at once ({len(none)})")
    return replace(panel, y=y, crosses=(*panel.crosses, *marks), notes=notes)


def _relative_update(series: RunSeries) -> LinesPanel | None:
    lines = _there({"update": series.whole(UPDATE.relative_update)})
    return _log_panel("Length of the update", "share of the weights (1)", lines)


def _shift(series: RunSeries) -> LinesPanel | None:
    layers = series.layers(COVARIATE_SHIFT.shift_cosine)
    known = {layer: trace for layer, trace in layers.items() if trace.known}
    worst = sorted(known, key=lambda layer: median(known[layer].known))[:_WORST]
    lines = [(_shortened(layer), layers[layer]) for layer in worst or list(layers)[:1]]
    axis = linear_axis("cosine (1)", [*_known(list(known.items())), 0.0, 1.0], _AIR)
    panel = _panel("Covariate shift: layers that turn most", axis, lines)
    if panel is None or len(known) <= _WORST:
        return panel
    low, high = (extreme(list(known.values()), greatest=greatest) for greatest in (False, True))
    entry = Entry("all layers", "rest", "")
    band = Band(entry, tuple(map(float, low.steps)), low.values, high.values)
    return replace(panel, bands=(band,), notes=(*panel.notes, f"band: all {len(known)} layers"))


def _noise(series: RunSeries) -> LinesPanel | None:
    scale = series.whole(NOISE_SCALE.noise_scale)
    batch = series.whole(NOISE_SCALE.batch_size)
    lines = _there({"noise scale": scale, "batch": batch})
    return _log_panel("Gradient noise scale", "samples", lines)


def _statistics(series: RunSeries) -> LinesPanel | None:
    lines = _there(
        {
            "mean / deviation": _greatest(series, NORM_HEALTH.mean_gap),
            "log of the variances' ratio": _greatest(series, NORM_HEALTH.variance_gap),
        }
    )
    title = "Running against batch statistics, worst norm"
    return _log_panel(title, "root mean square (1)", lines)


def _modes(series: RunSeries) -> LinesPanel | None:
    lines = _there(
        {
            "in evaluation mode": series.whole(NORM_HEALTH.evaluation_gap),
            "in halves": series.whole(NORM_HEALTH.half_batch_gap),
        }
    )
    return _linear_panel("Excess of the loss of this batch", "loss ratio - 1 (1)", lines)


def _dead(series: RunSeries) -> LinesPanel | None:
    lines = _there({"dead scales": _greatest(series, NORM_HEALTH.dead_scales)})
    return _linear_panel("Dead scales, worst norm", "share of the scales (1)", lines, 0.1)


_BUILDERS: tuple[Callable[[RunSeries], LinesPanel | None], ...] = (
    _loss,
    _edge,
    _safe,
    _relative_update,
    _shift,
    _noise,
    _statistics,
    _modes,
    _dead,
)


def _there(traces: dict[str, Trace | None]) -> _Lines:
    return [(label, trace) for label, trace in traces.items() if trace is not None]


def _known(lines: _Lines) -> list[float]:
    return [value for _, trace in lines for value in trace.known]


def _greatest(series: RunSeries, quantity: Quantity) -> Trace | None:
    layers = series.layers(quantity)
    return extreme(list(layers.values()), greatest=True) if layers else None


def _log_panel(title: str, label: str, lines: _Lines, *levels: Level) -> LinesPanel | None:
    values = np.array([*_known(lines), *(level.value for level in levels)])
    axis, notes = log_axis(label, [values])
    return _panel(title, axis, lines, levels, notes)


def _linear_panel(title: str, label: str, lines: _Lines, top: float = 0.0) -> LinesPanel | None:
    """A panel whose axis holds 0 and ``top`` in any case."""
    return _panel(title, linear_axis(label, [*_known(lines), 0.0, top], _AIR), lines)


def _panel(
    title: str,
    y: PlotAxis,
    lines: _Lines,
    levels: tuple[Level, ...] = (),
    notes: tuple[str, ...] = (),
) -> LinesPanel | None:
    if not lines:
        return None
    if any(trace.reasons for _, trace in lines):
        y = _with_foot(y)
    curves: list[Curve] = []
    crosses: list[Cross] = []
    for (label, trace), norm in zip(lines, LINES, strict=False):
        entry = Entry(label, norm, "", LINES[norm].dash)
        curves.append(Curve(entry, tuple(map(float, trace.steps)), _on_axis(trace.values, y)))
        crosses += _crosses(entry, trace.reasons, y)
    dashed = (f"dashed: {level.label}" for level in levels)
    return LinesPanel(
        title,
        Place(0, 0),
        PlotAxis("step"),
        y,
        tuple(curves),
        levels,
        notes=(*dashed, *_doubts(lines), *notes),
        crosses=tuple(crosses),
        keyed=True,
    )


def _crosses(entry: Entry, reasons: Mapping[int, str], y: PlotAxis) -> list[Cross]:
    """A cross at the foot for each reading that cannot be believed."""
    foot = lowered(y, y.low or 0.0, -_FOOT / 3)
    return [
        Cross(entry, float(step), foot, f"{entry.label} at step {step}: {reason}")
        for step, reason in reasons.items()
    ]


def _with_foot(y: PlotAxis) -> PlotAxis:
    """The axis with space for crosses beneath all that it holds."""
    return replace(y, low=lowered(y, y.low or 0.0, _FOOT))


def _doubts(lines: _Lines) -> list[str]:
    reasons = Counter(reason for _, trace in lines for reason in trace.reasons.values())
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return [f"cross: no reliable value ({told})"] if reasons else []


def _on_axis(values: Iterable[float], y: PlotAxis) -> tuple[float, ...]:
    log = y.scale is Scale.LOG
    return tuple(math.nan if log and value <= 0 else value for value in values)


def _shortened(layer: str) -> str:
    return layer if len(layer) <= _LETTERS else f"…{layer[1 - _LETTERS :]}"
