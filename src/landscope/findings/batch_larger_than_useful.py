"""Finding: a smaller batch would do."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.noise import REFERENCE, efficiency, sizes
from landscope.findings.phrase import median_of, percent
from landscope.findings.rest import at_rest, unmoved
from landscope.findings.symptom import Symptom

CLEAN = 0.9
"""Efficiency above which the batch is larger than useful: of efficiency e, half the batch needs
1 - e more steps, here less than a tenth, for half the arithmetic of each."""


def _look(history: History) -> Case | None:
    stretch = lasting(_while_it_learns(history), lambda value: value > CLEAN)
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


def _while_it_learns(history: History) -> Series:
    """The efficiency, which counts as 0 where the training gets nowhere.

    On a plateau the gradients of all samples may agree: no batch is of use there, small or large.
    """
    nowhere = at_rest(history) | unmoved(history)
    read = efficiency(history).points
    return Series.of({step: 0.0 if step in nowhere else value for step, value in read.items()})


BATCH_LARGER_THAN_USEFUL = Symptom(
    "batch-larger-than-useful",
    ("info",),
    f"efficiency 1 / (1 + noise scale / batch size) above {CLEAN} {LASTING}; not where the "
    "loss is what it was at first, or high while the gradient is next to nothing",
    REFERENCE,
    _look,
)
