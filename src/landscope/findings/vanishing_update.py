"""Finding: updates are too small to matter."""

from landscope.findings import relative_update
from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom

VANISHING = 1e-6
"""A thousandth of what is usual; and within a factor of 20 of float32's rounding, 6e-8, so that
many a weight is not changed at all."""


def _look(history: History) -> Case | None:
    stretch = lasting(history.series(*relative_update.KEY), lambda value: value < VANISHING)
    if stretch is None:
        return None
    return Case(
        "warning",
        f"Updates are vanishing: one changes the weights by {number(stretch.median)} of their "
        f"length ({median_of(stretch)}), where about {relative_update.USUAL:g} is usual, and much "
        "of it is lost in rounding.",
        Evidence.of("/".join(relative_update.KEY), stretch),
        "Unless the training is meant to have come to its end, raise the learning rate, look "
        "where the gradient vanishes, and keep the weights in float32.",
    )


VANISHING_UPDATE = Symptom(
    "vanishing-update",
    ("warning",),
    f"||update|| / ||weights|| below {number(VANISHING)} {LASTING}",
    relative_update.REFERENCE,
    _look,
)
