"""The panels of one run's figure: each for what there are readings of, otherwise none."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from landscope.figures.axes import log_axis
from landscope.figures.run_series import RunSeries, Trace, extreme
from landscope.figures.spec import Axis, Band, Curve, Entry, Level, LinesPanel, Mark, Place, Scale
from landscope.figures.style import LINES

_WORST = 3  # layers; more lines cannot be told apart
_LETTERS = 26  # of a layer's name: its end says which it is
_DECADE = 10.0  # a loss that falls less is read off a linear axis
_FOOT = 0.1  # an axis is longer by this share where crosses stand beneath the lines
_ANYWHERE = Place(0, 0)


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    trace: Trace


def panels_of(series: RunSeries) -> list[LinesPanel]:
    """The panels in the order of reading, none of them placed yet, and all over the same steps."""
    panels = [panel for build in _BUILDERS if (panel := build(series)) is not None]
    last = max((x for panel in panels for curve in panel.curves for x in curve.x), default=0.0)
    air = 0.02 * (last or 1.0)
    x = Axis("step", low=-air, high=(last or 1.0) + air)
    return [replace(panel, x=x) for panel in panels]


def _loss(series: RunSeries) -> LinesPanel | None:
    trace = series.whole("gradient", "loss") or series.whole("training", "train_loss")
    lines = _there({"loss": trace})
    values = [value for line in lines for value in line.trace.known]
    falls_far = bool(values) and min(values) > 0 and max(values) > _DECADE * min(values)
    build = _log_panel if falls_far else _linear_panel
    return build("Training loss at each look", "loss", lines)


def _edge(series: RunSeries) -> LinesPanel | None:
    lines = _there(
        {
            "along the update": series.whole("step_size", "sharpness_lr"),
            "along the gradient, greatest": series.whole("line[paper]", "beta_lr"),
        }
    )
    level = Level(2.0, "edge of stability, 2")
    return _log_panel("Learning rate x curvature", "beta x lr (1)", lines, level)


def _safe(series: RunSeries) -> LinesPanel | None:
    trace = series.whole("step_size", "safe_multiple")
    if trace is None:
        return None
    none = {step: "the loss rises at once" for step, value in trace.points if value == 0}
    above = replace(
        trace, values=tuple(math.nan if step in none else value for step, value in trace.points)
    )
    level = Level(1.0, "the step that was taken, 1")
    lines = [_Line("safe multiple", above)]
    panel = _log_panel("Largest safe step", "multiple (1)", lines, level)
    if panel is None or not none:
        return panel
    y = panel.y if panel.marks else _with_foot(panel.y)
    marks = _crosses(Entry("safe multiple", "rest", ""), none, y)
    notes = (*panel.notes, f"dark cross: 0, the loss rises at once ({len(none)})")
    return replace(panel, y=y, marks=(*panel.marks, *marks), notes=notes)


def _relative_update(series: RunSeries) -> LinesPanel | None:
    lines = _there({"update": series.whole("update", "relative_update")})
    return _log_panel("Length of the update", "share of the weights (1)", lines)


def _shift(series: RunSeries) -> LinesPanel | None:
    layers = series.layers("covariate_shift", "shift_cosine")
    known = {layer: trace for layer, trace in layers.items() if trace.known}
    worst = sorted(known, key=lambda layer: median(known[layer].known))[:_WORST]
    lines = [_Line(_shortened(layer), layers[layer]) for layer in worst or list(layers)[:1]]
    values = [value for trace in known.values() for value in trace.known]
    axis = _linear_axis("cosine (1)", values, [0.0, 1.0])
    panel = _panel("Covariate shift: layers that turn most", axis, lines)
    if panel is None or len(known) <= _WORST:
        return panel
    low, high = (extreme(list(known.values()), greatest=greatest) for greatest in (False, True))
    entry = Entry("all layers", "rest", "")
    band = Band(entry, tuple(map(float, low.steps)), low.values, high.values)
    return replace(panel, bands=(band,), notes=(*panel.notes, f"band: all {len(known)} layers"))


def _noise(series: RunSeries) -> LinesPanel | None:
    scale = series.whole("noise_scale", "noise_scale")
    batch = series.whole("noise_scale", "batch_size")
    lines = _there({"noise scale": scale, "batch": batch})
    return _log_panel("Gradient noise scale", "samples", lines)


def _statistics(series: RunSeries) -> LinesPanel | None:
    lines = _there(
        {
            "mean / deviation": _greatest(series, "norm_health", "mean_gap"),
            "log of the variances' ratio": _greatest(series, "norm_health", "variance_gap"),
        }
    )
    title = "Running against batch statistics, worst norm"
    return _log_panel(title, "root mean square (1)", lines)


def _modes(series: RunSeries) -> LinesPanel | None:
    lines = _there(
        {
            "in evaluation mode": series.whole("norm_health", "evaluation_gap"),
            "in halves": series.whole("norm_health", "half_batch_gap"),
        }
    )
    return _linear_panel("Excess of the loss of this batch", "loss ratio - 1 (1)", lines)


def _dead(series: RunSeries) -> LinesPanel | None:
    lines = _there({"dead scales": _greatest(series, "norm_health", "dead_scales")})
    values = [value for line in lines for value in line.trace.known]
    axis = _linear_axis("share of the scales (1)", values, [0.0, 0.1])
    return _panel("Dead scales, worst norm", axis, lines)


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


def _there(traces: dict[str, Trace | None]) -> list[_Line]:
    return [_Line(label, trace) for label, trace in traces.items() if trace is not None]


def _greatest(series: RunSeries, probe: str, quantity: str) -> Trace | None:
    layers = series.layers(probe, quantity)
    return extreme(list(layers.values()), greatest=True) if layers else None


def _log_panel(title: str, label: str, lines: Sequence[_Line], *levels: Level) -> LinesPanel | None:
    values = [*(line.trace.known for line in lines), [level.value for level in levels]]
    axis, notes = log_axis(label, [np.array(each, dtype=np.float64) for each in values])
    return _panel(title, axis, lines, levels, notes)


def _linear_panel(title: str, label: str, lines: Sequence[_Line]) -> LinesPanel | None:
    axis = _linear_axis(label, [value for line in lines for value in line.trace.known], [0.0])
    return _panel(title, axis, lines)


def _panel(
    title: str,
    y: Axis,
    lines: Sequence[_Line],
    levels: tuple[Level, ...] = (),
    notes: tuple[str, ...] = (),
) -> LinesPanel | None:
    if not lines:
        return None
    if any(line.trace.reasons for line in lines):
        y = _with_foot(y)
    drawn = tuple(
        Curve(entry, tuple(map(float, line.trace.steps)), _on_axis(line.trace.values, y))
        for entry, line in zip(_entries(lines), lines, strict=True)
    )
    return LinesPanel(
        title,
        _ANYWHERE,
        Axis("step"),
        y,
        drawn,
        levels,
        notes=(*(f"dashed: {level.label}" for level in levels), *_doubts(lines), *notes),
        marks=_marks(lines, y),
        keyed=True,
    )


def _entries(lines: Sequence[_Line]) -> list[Entry]:
    return [
        Entry(line.label, norm, "", LINES[norm].dash)
        for line, norm in zip(lines, LINES, strict=False)
    ]


def _marks(lines: Sequence[_Line], y: Axis) -> tuple[Mark, ...]:
    """A cross at the foot for each reading that cannot be believed."""
    return tuple(
        mark
        for entry, line in zip(_entries(lines), lines, strict=True)
        for mark in _crosses(entry, line.trace.reasons, y)
    )


def _crosses(entry: Entry, reasons: Mapping[int, str], y: Axis) -> list[Mark]:
    foot = _beneath(y, -_FOOT / 3)
    return [
        Mark(entry, float(step), foot, f"{entry.label} at step {step}: {reason}")
        for step, reason in reasons.items()
    ]


def _with_foot(y: Axis) -> Axis:
    """The axis with room for crosses beneath all that it holds."""
    return replace(y, low=_beneath(y, _FOOT))


def _beneath(y: Axis, share: float) -> float:
    """What lies below an axis by this share of its length."""
    low, high = y.low or 0.0, y.high or 1.0
    return low / (high / low) ** share if y.scale is Scale.LOG else low - share * (high - low)


def _doubts(lines: Iterable[_Line]) -> list[str]:
    reasons = Counter(reason for line in lines for reason in line.trace.reasons.values())
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return [f"cross: no value to rely on ({told})"] if reasons else []


def _linear_axis(label: str, values: Sequence[float], held: Sequence[float]) -> Axis:
    """A linear axis with air around the values, and around what it must hold besides."""
    low, high = min([*values, *held], default=0.0), max([*values, *held], default=1.0)
    air = 0.06 * (high - low) or 0.06 * abs(high) or 0.06
    return Axis(label, Scale.LINEAR, low - air, high + air)


def _on_axis(values: Iterable[float], y: Axis) -> tuple[float, ...]:
    log = y.scale is Scale.LOG
    return tuple(math.nan if log and value <= 0 else value for value in values)


def _shortened(layer: str) -> str:
    return layer if len(layer) <= _LETTERS else f"…{layer[1 - _LETTERS :]}"
