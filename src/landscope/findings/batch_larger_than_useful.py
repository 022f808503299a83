"""Finding: a smaller batch would do."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.noise import REFERENCE, efficiency, sizes
from landscope.findings.phrase import median_of, percent
from landscope.findings.symptom import Symptom

CLEAN = 0.9
"""Efficiency above which the batch is larger than useful: of efficiency e, half the batch needs
1 - e more steps, here less than a tenth, for half the arithmetic of each."""


def _look(history: History) -> Case | None:
    stretch = lasting(efficiency(history), lambda value: value > CLEAN)
    if stretch is None:
        return None
    return Case(
        "info",
        f"The batch is larger than useful: a step makes {percent(stretch.median)} of the progress "
        f"that all the data's gradient would make ({median_of(stretch)})"
        f"{sizes(history, stretch.steps)}.",
        Evidence.of("noise_scale/efficiency", stretch),
        f"Half the batch would need {percent(1 - stretch.median)} more steps at half the "
        "arithmetic of each; keep the batch where the device is not full without it, or where a "
        "norm needs it. The noise scale grows in the course of a training: look again later.",
    )


BATCH_LARGER_THAN_USEFUL = Symptom(
    "batch-larger-than-useful",
    ("info",),
    f"efficiency 1 / (1 + noise scale / batch size) above {CLEAN} {LASTING}",
    REFERENCE,
    _look,
)
