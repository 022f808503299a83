"""The edge of stability: learning rate times curvature, as far as it was read."""

import math

from landscope.findings.history import History, Series
from landscope.reading import TRUSTED, Reading

EDGE = 2.0
"""On a quadratic, a step along the update raises the loss exactly where lr x curvature is above 2:
L(theta - u) - L(theta) = -u.g (1 - lr x curvature / 2)."""

ALONG_UPDATE = "step_size/sharpness_lr"
ALONG_GRADIENT = "line[paper]/loss over line[paper]/gradient_norm"

_LINE = "line[paper]"
_ROUNDING = 1e-4
"""Share of the loss that a step must promise: of less, rounding may be a part that counts."""


def sharpness(history: History) -> tuple[str, Series]:
    """Key and series of learning rate times curvature.

    Along the update, which is what the optimiser does; along the gradient where no probe looked
    along the update, as in the study of the paper.
    """
    along_update = history.series(*ALONG_UPDATE.split("/"))
    if along_update.steps:
        return ALONG_UPDATE, along_update
    return ALONG_GRADIENT, _along_gradient(history)


def _along_gradient(history: History) -> Series:
    """From the loss at one step of plain gradient descent: above 2 where that is a higher loss.

    ``2 (1 + (L(theta - lr g) - L(theta)) / (lr ||g||^2))``. Effective beta would not do: it is the
    largest change of the gradient on the whole grid, in any direction, and is above 2 / lr at many
    a step that lowers the loss.
    """
    start = history.series(_LINE, "start_loss").points
    slopes = history.series(_LINE, "gradient_norm").points
    beta_lr = history.series(_LINE, "beta_lr")
    rates = beta_lr.over(history.series(_LINE, "effective_beta")).points
    found: dict[int, float] = {}
    for reading in history.readings(_LINE, "loss"):
        step = reading.step
        if reading.status not in TRUSTED or not (step in start and step in rates):
            continue
        there = _at(reading, rates[step])
        promised = rates[step] * slopes.get(step, 0.0) * slopes.get(step, 0.0)
        if math.isfinite(promised) and promised > _ROUNDING * abs(start[step]):
            found[step] = EDGE * (1 + (there - start[step]) / promised)
    return Series.of(found)


def _at(reading: Reading, rate: float) -> float:
    """The loss at a learning rate; NaN where it is not on the grid."""
    if reading.axis is None or not isinstance(reading.value, tuple):
        return math.nan
    points = zip(reading.axis.values, reading.value, strict=False)
    return next((loss for eta, loss in points if math.isclose(eta, rate, rel_tol=1e-6)), math.nan)
