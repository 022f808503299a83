"""The edge of stability: learning rate times curvature, and the finding that it is above 2."""

import math

from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.history import SUSTAINED, History, Series
from landscope.quantities import PAPER_LINE, STEP_SIZE, Quantity
from landscope.reading import TRUSTED, Reading
from landscope.text import counted, number

EDGE = 2.0
"""On a quadratic, a step along the update raises the loss exactly where lr x curvature is above 2:
L(theta - u) - L(theta) = -u.g (1 - lr x curvature / 2)."""

HOVER = 2.5
"""Median up to which a training hovers at the edge: many trainings settle just above 2 and go on
learning (Cohen et al. 2021, section 3.2), so up to a quarter above it is no problem."""

_ROUNDING = 1e-4
"""Share of the loss by which a step must lower it to first order; below this, rounding may
matter."""

_ALONG_GRADIENT = Quantity("line[paper]", f"loss over {PAPER_LINE.gradient_norm}")


def sharpness(history: History) -> Series:
    """Learning rate times curvature.

    Along the update, which is what the optimiser does; along the gradient if no probe measured
    along the update, as in the study of the paper.
    """
    along_update = history.series(STEP_SIZE.sharpness_lr)
    return along_update if along_update.steps else _along_gradient(history)


def _along_gradient(history: History) -> Series:
    """From the loss at one step of plain gradient descent: above 2 where that is a higher loss.

    ``2 (1 + (L(theta - lr g) - L(theta)) / (lr ||g||^2))``. Effective beta does not work here: it
    is the largest change of the gradient on the whole grid, in any direction, and exceeds 2 / lr at
    many steps that lower the loss.
    """
    start = history.series(PAPER_LINE.start_loss).points
    slopes = history.series(PAPER_LINE.gradient_norm).points
    betas = history.series(PAPER_LINE.effective_beta).points
    products = history.series(PAPER_LINE.beta_lr).points
    found: dict[int, float] = {}
    for reading in history.readings(PAPER_LINE.loss):
        step = reading.step
        beta = betas.get(step, 0.0)
        if reading.status not in TRUSTED or step not in start or step not in products or not beta:
            continue
        rate = products[step] / beta
        promised = rate * slopes.get(step, 0.0) * slopes.get(step, 0.0)
        if math.isfinite(promised) and promised > _ROUNDING * abs(start[step]):
            found[step] = EDGE * (1 + (_loss_at(reading, rate) - start[step]) / promised)
    return Series(_ALONG_GRADIENT).having(found)


def _loss_at(reading: Reading, rate: float) -> float:
    """The loss at a learning rate; NaN if it is not on the grid."""
    if reading.axis is None or not isinstance(reading.value, tuple):
        return math.nan
    points = zip(reading.axis.values, reading.value, strict=False)
    return next((loss for eta, loss in points if math.isclose(eta, rate, rel_tol=1e-6)), math.nan)


@rule(
    f"learning rate x curvature along the update (along the gradient where that was not read) "
    f"above {EDGE:g} {SUSTAINED}; a warning where its median is above {HOVER}",
    "Cohen et al. 2021, arXiv 2103.00065, section 3.2; for adaptive optimisers Cohen et al. 2022, "
    "arXiv 2207.14484",
    severities=("warning", "info"),
    of_mean_gradient=True,
)
def beyond_the_edge(history: History) -> Case | None:
    stretch = sharpness(history).sustained(lambda value: value > EDGE)
    if stretch is None:
        return None
    along = "the update" if stretch.quantity == STEP_SIZE.sharpness_lr else "the gradient"
    value = (
        f"since step {stretch.steps[0]}: learning rate times curvature along {along} is "
        f"{number(stretch.median)} (median of {counted(len(stretch), 'measurement')})"
    )
    if stretch.median <= HOVER:
        return Case(
            f"The step is at the edge of stability {value}, just above the edge at 2, where many "
            "trainings settle by themselves and go on learning.",
            Evidence.of(stretch),
            "Do nothing while the loss falls. A larger learning rate would be too large; a smaller "
            "one or a warm-up makes the training smoother.",
            "info",
        )
    return Case(
        f"The step is beyond the edge of stability {value}; the edge is at 2, and a step beyond it "
        "raises the loss of its own batch.",
        Evidence.of(stretch),
        f"{_lower(history, stretch)}, or warm up to it over more steps.",
    )


def _lower(history: History, stretch: Series) -> str:
    rate = history.series(STEP_SIZE.lr).on(stretch.steps).median
    safe = history.series(STEP_SIZE.safe_lr).on(stretch.steps).median
    if not rate > 0:
        return f"Lower the learning rate by a factor of {number(stretch.median / EDGE)} or more"
    # What the edge allows, if the search along the update found nothing to recommend.
    target = safe if 0 < safe < rate else rate * EDGE / stretch.median
    if not math.isfinite(target) or target <= 0:
        return "Lower the learning rate"
    return f"Lower the learning rate from {number(rate)} to {number(target)} or less"
