"""The figures of a comparison of norms on a user's own model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from landscope.figures.axes import near_top
from landscope.figures.curves import centred_mean, smoothing_window
from landscope.figures.spec import EDGE_OF_STABILITY, Cross, FigureSpec, Level, PlotAxis
from landscope.quantities import COVARIATE_SHIFT, PAPER_LINE, STEP_SIZE, Quantity
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.figure_panels import (
    PlottedQuantity,
    Series,
    ended_comparison,
    entry_of,
    panels_by_lr,
)
from landscope.studies.comparison.figure_runs import cost, loss_by_lr
from landscope.studies.comparison.records import (
    ComparedRun,
    ComparisonRecords,
    diverged,
    divergence,
    losses,
    over_layers,
)

_FEW = 8
"""Fewer losses than this are not smoothed."""


@dataclass(frozen=True)
class _ByStep:
    """A figure of quantities by step; raises RecordError where a run has not ended."""

    number: int
    title: str
    caption: str
    quantities: tuple[PlottedQuantity, ...]

    def __call__(self, study: StudyRecords) -> FigureSpec:
        nets = ended_comparison(study)
        seeds = len(nets.seeds)
        note = f"line: median of {seeds} seeds; band: least to greatest" if seeds > 1 else ""
        panels = [
            panel
            for block, quantity in enumerate(self.quantities)
            for panel in panels_by_lr(nets, quantity, note, block)
        ]
        return FigureSpec(self.number, self.title, self.caption, tuple(panels), row_height=2.5)


def _training(study: StudyRecords) -> FigureSpec:
    """Training loss by step, one panel for each learning rate; raises as `_ByStep` does."""
    nets = ended_comparison(study)
    mean = f"line: centred mean of {smoothing_window(nets.steps)} steps"
    note = f"{mean}, one seed"
    if len(nets.seeds) > 1:
        note = f"{mean}, averaged over {len(nets.seeds)} seeds; band: least to greatest seed"
    # Single batches that overflowed on the way do not choose the axis; the lines do.
    loss = PlottedQuantity(
        "Training loss", "training loss", _smoothed, signed=True, middle=np.nanmean
    )
    panels = [
        replace(panel, crosses=_divergences(nets, lr, panel.y))
        for lr, panel in zip(nets.lrs, panels_by_lr(nets, loss, note), strict=True)
    ]
    return FigureSpec(
        1,
        "Training loss of each norm",
        "The lower a line lies, and the earlier, the better the model trains with that norm. "
        "A cross is where a run diverged: its loss was no longer a finite number.",
        tuple(panels),
        row_height=3.2,
    )


def _smoothed(run: RunRecords) -> Series:
    """A centred mean over the steps; a run that broke off after a few is shown as it was."""
    steps, values = losses(run)
    if values.size < _FEW:
        return steps, values
    return steps, centred_mean(values, smoothing_window(run.settings(ComparedRun).steps))


def _divergences(nets: ComparisonRecords, lr: float, axis: PlotAxis) -> tuple[Cross, ...]:
    """A cross for each run that diverged, as high as its last finite loss and within the axis."""
    marks: list[Cross] = []
    for norm in nets.norms:
        entry = entry_of(norm)
        for run in filter(diverged, nets.over_seeds(norm, lr)):
            _, values = losses(run)
            height = float(values[-1]) if values.size else near_top(axis)
            height = min(max(height, axis.low or height), near_top(axis))
            step, seed = divergence(run), run.settings(ComparedRun).seed
            text = f"{entry.label}, seed {seed}: diverged at step {step:.0f}"
            marks.append(Cross(entry, step, height, text))
    return tuple(marks)


def _numbers(quantity: Quantity) -> Callable[[RunRecords], Series]:
    def series(run: RunRecords) -> Series:
        if not run.has(quantity):
            return np.empty(0), np.empty(0)
        return run.numbers(quantity)

    return series


def _edge(_lr: float) -> tuple[Level, ...]:
    return (EDGE_OF_STABILITY,)


_SMOOTHNESS = _ByStep(
    3,
    "Smoothness along the gradient",
    "A lower line is a smoother landscape: the gradient changes less over the step sizes "
    "tried. A net that does not learn is smooth too, so read it beside Figure 1.",
    (
        PlottedQuantity("(a) Effective β", "effective β", _numbers(PAPER_LINE.effective_beta)),
        PlottedQuantity(
            "(b) Effective β · lr",
            "effective β · lr",
            _numbers(PAPER_LINE.beta_lr),
            levels=_edge,
        ),
    ),
)
_COVARIATE_SHIFT = _ByStep(
    4,
    "Internal covariate shift, median over the layers",
    "How far a layer's gradient turns (a) and moves (b) when the layers before it take the "
    "optimiser's step. No shift is a cosine of 1 and a distance of 0.",
    (
        PlottedQuantity(
            "(a) Cosine",
            "cosine",
            lambda run: over_layers(run, COVARIATE_SHIFT.shift_cosine),
            PlotAxis("cosine, median layer", low=-1.08, high=1.08),
        ),
        PlottedQuantity(
            "(b) Relative distance",
            "distance / gradient",
            lambda run: over_layers(run, COVARIATE_SHIFT.shift_relative),
        ),
    ),
)
_STEP_SIZE = _ByStep(
    5,
    "The largest safe step",
    "(a) The learning rate up to which the loss of the step's own batch falls along the "
    "optimiser's update, on a grid of multiples of the learning rate. (b) The curvature along "
    "the update times the learning rate: beyond 2 a step is too large for a quadratic, and "
    "below 0 the loss bends down.",
    (
        PlottedQuantity(
            "(a) Safe learning rate",
            "learning rate",
            _numbers(STEP_SIZE.safe_lr),
            levels=lambda lr: (Level(lr, "the learning rate of the training"),),
        ),
        PlottedQuantity(
            "(b) Sharpness · lr",
            "sharpness · lr",
            _numbers(STEP_SIZE.sharpness_lr),
            levels=_edge,
            signed=True,
        ),
    ),
)

FIGURES: Mapping[int, Callable[[StudyRecords], FigureSpec]] = MappingProxyType(
    {
        1: _training,
        2: loss_by_lr,
        3: _SMOOTHNESS,
        4: _COVARIATE_SHIFT,
        5: _STEP_SIZE,
        6: cost,
    }
)
"""By number."""
