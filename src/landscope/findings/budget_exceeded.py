"""Finding: measuring took more of the time than it was given."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LEAST
from landscope.findings.phrase import percent
from landscope.findings.symptom import Symptom

TOLERATED = 1.1
"""Share taken over share asked: what a look will take is an estimate, a tenth off is within it."""


def _look(history: History) -> Case | None:
    share = history.series("scope", "share")
    asked = history.series("scope", "asked_share")
    # After one look or two it is the look and not the plan that makes the share.
    if len(share) < LEAST or not asked.steps:
        return None
    taken, given = share.values[-1], asked.values[-1]
    if not taken > TOLERATED * given:
        return None
    return Case(
        "info",
        f"Measuring took {percent(taken)} of the time up to step {share.steps[-1]}, where "
        f"{percent(given)} was asked for.",
        Evidence("scope/share", (share.steps[-1],), (taken,)),
        'Leave out the dearest probes (probes="cheap" keeps two), or give every= a number of '
        "steps; a loop whose steps take very different times defeats the plan.",
    )


BUDGET_EXCEEDED = Symptom(
    "budget-exceeded",
    ("info",),
    f"share of the time above {TOLERATED:g} times what was asked for, at the last of {LEAST} looks "
    "or more",
    "landscope.Scope, argument `budget`",
    _look,
)
