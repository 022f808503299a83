"""Finding: updates go back and forth."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom

BACK = -0.5
"""Cosine below which an update undoes the one before: more than half of its length leads back, an
angle of 120 degrees."""


def _look(history: History) -> Case | None:
    stretch = lasting(history.series("update", "successive_cosine"), lambda value: value < BACK)
    if stretch is None:
        return None
    return Case(
        "warning",
        f"Updates oscillate: the cosine of one and the next is {number(stretch.median)} "
        f"({median_of(stretch)}), so that each step takes back much of the one before, from wall "
        "to wall of a valley.",
        Evidence.of("update/successive_cosine", stretch),
        "Lower the learning rate, or average over steps, by momentum or by an average of the "
        "weights: both go along the valley instead of across it.",
    )


UPDATES_OSCILLATE = Symptom(
    "updates-oscillate",
    ("warning",),
    f"cosine of successive updates below {BACK} {LASTING}",
    "Xing et al. 2018, arXiv 1802.08770, section 3",
    _look,
)
