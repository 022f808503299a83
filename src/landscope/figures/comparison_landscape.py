"""Figures 3 to 5 of a comparison: smoothness, covariate shift and the largest safe step."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landscope.figures.comparison_nets import (
    Drawn,
    Series,
    Values,
    drawn_over_seeds,
    ended_comparison,
    median_of_seeds,
    panels_by_lr,
    value_axis,
)
from landscope.figures.landscape_panels import EDGE_OF_STABILITY
from landscope.figures.spec import Axis, FigureSpec, Level, LinesPanel
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.records import ComparisonRecords, over_layers

_COSINE = Axis("cosine, median layer", low=-1.08, high=1.08)


@dataclass(frozen=True)
class _Row:
    """One quantity, in a panel for each learning rate."""

    title: str
    label: str
    series: Callable[[RunRecords], Series]
    axis: Axis | None = None
    levels: Callable[[float], tuple[Level, ...]] = lambda _lr: ()
    signed: bool = False


def smoothness(study: StudyRecords) -> FigureSpec:
    """Effective beta along the gradient, and the same in units of 1 / lr.

    Raises:
        RecordError: A run is missing or has not ended.
    """
    return _figure(
        study,
        3,
        "Smoothness along the gradient",
        "A lower line is a smoother landscape: the gradient changes less over the step sizes "
        "tried. A net that does not learn is smooth too, so read it beside Figure 1.",
        (
            _Row("(a) Effective β", "effective β", _numbers("line[paper]", "effective_beta")),
            _Row(
                "(b) Effective β · lr",
                "effective β · lr",
                _numbers("line[paper]", "beta_lr"),
                levels=lambda _lr: (EDGE_OF_STABILITY,),
            ),
        ),
    )


def covariate_shift(study: StudyRecords) -> FigureSpec:
    """How much the layers' gradients change when the layers before them take their step.

    Raises:
        RecordError: A run is missing or has not ended.
    """
    return _figure(
        study,
        4,
        "Internal covariate shift, median over the layers",
        "How far a layer's gradient turns (a) and moves (b) when the layers before it take the "
        "optimiser's step. No shift is a cosine of 1 and a distance of 0.",
        (
            _Row(
                "(a) Cosine", _COSINE.label, lambda run: over_layers(run, *_SHIFT_COSINE), _COSINE
            ),
            _Row(
                "(b) Relative distance",
                "relative to the gradient",
                lambda run: over_layers(run, *_SHIFT_RELATIVE),
            ),
        ),
    )


def step_size(study: StudyRecords) -> FigureSpec:
    """The largest step along the optimiser's update that does not raise the batch's loss.

    Raises:
        RecordError: A run is missing or has not ended.
    """
    return _figure(
        study,
        5,
        "The largest safe step",
        "(a) The learning rate up to which the loss of the step's own batch falls along the "
        "optimiser's update, on a grid of multiples of the learning rate. (b) The curvature along "
        "the update times the learning rate: beyond 2 a step is too large for a quadratic, and "
        "below 0 the loss bends down.",
        (
            _Row(
                "(a) Safe learning rate",
                "learning rate",
                _numbers("step_size", "safe_lr"),
                levels=lambda lr: (Level(lr, "the learning rate of the training"),),
            ),
            _Row(
                "(b) Sharpness · lr",
                "sharpness · lr",
                _numbers("step_size", "sharpness_lr"),
                levels=lambda _lr: (EDGE_OF_STABILITY,),
                signed=True,
            ),
        ),
    )


_SHIFT_COSINE = ("covariate_shift", "shift_cosine")
_SHIFT_RELATIVE = ("covariate_shift", "shift_relative")


def _numbers(probe: str, quantity: str) -> Callable[[RunRecords], Series]:
    def series(run: RunRecords) -> Series:
        if not run.has(probe, quantity):
            return np.empty(0), np.empty(0)
        return run.numbers(probe, quantity)

    return series


def _figure(
    study: StudyRecords, number: int, title: str, caption: str, rows: tuple[_Row, ...]
) -> FigureSpec:
    nets = ended_comparison(study)
    panels = [panel for block, row in enumerate(rows) for panel in _panels(nets, row, block)]
    return FigureSpec(number, title, caption, tuple(panels), row_height=2.5)


def _panels(nets: ComparisonRecords, row: _Row, block: int) -> list[LinesPanel]:
    drawn: dict[float, Drawn] = {
        lr: drawn_over_seeds(nets, lr, row.series, median_of_seeds) for lr in nets.lrs
    }
    values: list[Values] = [v for each in drawn.values() for v in each.values()]
    values += [np.array([level.value]) for lr in nets.lrs for level in row.levels(lr)]
    axis = value_axis(row.label, values, signed=row.signed) if row.axis is None else (row.axis, ())
    several = len(nets.seeds) > 1
    help_ = f"line: median of {len(nets.seeds)} seeds; band: least to greatest"
    return panels_by_lr(
        nets,
        row.title,
        drawn,
        axis,
        block=block,
        levels=row.levels,
        notes=(help_,) if several else (),
    )
