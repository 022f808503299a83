"""Finding: a probe never measured, while others did."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LEAST
from landscope.findings.phrase import counted, listed, percent
from landscope.findings.symptom import Symptom


def _look(history: History) -> Case | None:
    measured = history.measured
    tried = {
        reading.layer
        for quantity in ("failed", "left_out")
        for reading in history.readings("scope", quantity)
    }
    never = [probe for probe, count in measured.items() if not count and probe not in tried]
    most = max(measured.values(), default=0)
    if not never or most < LEAST:
        return None
    asked = history.series("scope", "asked_share")
    if asked.steps:
        budget = asked.values[-1]
        reason = f"the budget of {percent(budget)} did not pay for more"
        larger = min(0.5, 4 * budget)
        remedy = f"Give a larger budget, such as budget={larger:g}, or every= a number of steps"
    else:
        reason = "its readings were all skipped, or its schedule did not come to a step"
        remedy = "Give it a schedule that measures within the steps of this training"
    count = counted(most, "time")
    return Case(
        "info",
        f"Nothing is known from {listed(never)}: {reason}, while other probes measured up to "
        f"{count}.",
        Evidence("scope/measured", (0,) * len(never), (0.0,) * len(never), tuple(never)),
        f"{remedy}, or train longer; leave out the probes that you do not need.",
    )


NOT_MEASURED = Symptom(
    "not-measured",
    ("info",),
    f"a probe without a measurement where another has {LEAST} or more",
    "landscope.Scope, arguments `budget` and `every`",
    _look,
)
