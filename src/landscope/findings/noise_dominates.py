"""Finding: the gradient of a batch is mostly noise."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.noise import REFERENCE, efficiency, sizes
from landscope.findings.phrase import median_of, percent
from landscope.findings.symptom import Symptom

NOISY = 0.1
"""Efficiency below which noise dominates: twice the batch then makes nearly twice the progress."""


def _look(history: History) -> Case | None:
    stretch = lasting(efficiency(history), lambda value: value < NOISY)
    if stretch is None:
        return None
    return Case(
        "info",
        f"Noise dominates the gradient: a step makes at most {percent(stretch.median)} of the "
        f"progress that all the data's gradient would make ({median_of(stretch)})"
        f"{sizes(history, stretch.steps)}.",
        Evidence.of("noise_scale/efficiency", stretch),
        "If time matters more than arithmetic, a larger batch with a learning rate larger in "
        "proportion needs fewer steps, up to about the noise scale; near the end of a training "
        "this is usual, and a decay of the learning rate averages the noise instead.",
    )


NOISE_DOMINATES = Symptom(
    "noise-dominates",
    ("info",),
    f"efficiency 1 / (1 + noise scale / batch size) below {NOISY} {LASTING}",
    REFERENCE,
    _look,
)
