"""Finding: the step is beyond the edge of stability."""

import math

from landscope.findings.edge import ALONG_UPDATE, EDGE, sharpness
from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import counted, number
from landscope.findings.symptom import Symptom

HOVER = 2.5
"""Median up to which a training hovers at the edge: it settles just above 2 by itself and goes on
learning (Cohen et al. 2021, section 3.2), so a quarter above is nothing to worry about."""


def _look(history: History) -> Case | None:
    key, read = sharpness(history)
    stretch = lasting(read, lambda value: value > EDGE)
    if stretch is None:
        return None
    along = "the update" if key == ALONG_UPDATE else "the gradient"
    value = (
        f"learning rate times curvature along {along} is {number(stretch.median)} (median of "
        f"{counted(len(stretch), 'look')})"
    )
    since = f"since step {stretch.steps[0]}"
    if stretch.median <= HOVER:
        return Case(
            "info",
            f"The step is at the edge of stability {since}: {value}, just above the edge at 2, "
            "where many trainings settle by themselves and go on learning.",
            Evidence.of(key, stretch),
            "Nothing needs to be done while the loss falls; there is no room for a larger "
            "learning rate, and a smaller one or a warm-up gives a calmer training.",
        )
    return Case(
        "warning",
        f"The step is beyond the edge of stability {since}: {value}, where the edge is at 2 and a "
        "step beyond it raises the loss of its own batch.",
        Evidence.of(key, stretch),
        f"{_lower(history, stretch)}, or warm up to it over more steps.",
    )


def _lower(history: History, stretch: Series) -> str:
    rates = history.series("step_size", "lr").on(stretch.steps)
    safe = history.series("step_size", "safe_lr").on(stretch.steps)
    if not rates.steps or not rates.median > 0:
        return f"Lower the learning rate by a factor of {number(stretch.median / EDGE)} or more"
    rate = rates.median
    # What the edge allows, where the search along the update found nothing to recommend.
    target = safe.median if safe.steps and 0 < safe.median < rate else rate * EDGE / stretch.median
    if not math.isfinite(target) or target <= 0:
        return "Lower the learning rate"
    return f"Lower the learning rate from {number(rate)} to {number(target)} or less"


BEYOND_THE_EDGE = Symptom(
    "beyond-the-edge",
    ("warning", "info"),
    f"learning rate x curvature along the update (along the gradient where that was not read) "
    f"above {EDGE:g} {LASTING}; a warning where its median is above {HOVER}",
    "Cohen et al. 2021, arXiv 2103.00065, section 3.2; for adaptive optimisers Cohen et al. 2022, "
    "arXiv 2207.14484",
    _look,
)
