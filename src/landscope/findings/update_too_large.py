"""Finding: updates are nearly as large as the weights."""

from landscope.findings import relative_update
from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, percent
from landscope.findings.symptom import Symptom

LARGE = 0.1
"""A hundred times what is usual: ten such updates can replace the weights."""


def _look(history: History) -> Case | None:
    stretch = lasting(history.series(*relative_update.KEY), lambda value: value > LARGE)
    if stretch is None:
        return None
    return Case(
        "warning",
        f"Updates are too large: one changes the weights by {percent(stretch.median)} of their "
        f"length ({median_of(stretch)}), where about {relative_update.USUAL:.1%} is usual, so a "
        "few steps replace what was learnt.",
        Evidence.of("/".join(relative_update.KEY), stretch),
        "Lower the learning rate or warm up to it; if weights in front of a norm have become "
        "small, which changes no output, less weight decay keeps them up.",
    )


UPDATE_TOO_LARGE = Symptom(
    "update-too-large",
    ("warning",),
    f"||update|| / ||weights|| above {LARGE} {LASTING}",
    relative_update.REFERENCE,
    _look,
)
