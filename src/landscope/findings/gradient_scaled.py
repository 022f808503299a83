"""Finding: the loss that is measured is a multiple of the one that is trained."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom
from landscope.findings.used_gradient import CONSTANT, constant, factor

SAME = 0.05
"""Relative difference of length up to which two gradients count as equal: rounding in low
precision stays below, and a mean taken for a sum is at least a factor of 2."""


def _look(history: History) -> Case | None:
    stretch = lasting(factor(history), lambda value: abs(value - 1) > SAME)
    if stretch is None or not constant(stretch):
        return None
    times = number(stretch.median)
    return Case(
        "warning",
        f"The gradient that the optimiser used is {times} times the measured one at every look "
        f"({median_of(stretch)}), so the loss that is trained is {times} times the one that was "
        "given, and losses, curvatures and gradients here are in units of the latter.",
        Evidence.of("gradient/used_gradient_norm over gradient/gradient_norm", stretch),
        "Give Scope the loss that backward() is called on: check mean against sum, a division by "
        "the number of accumulated batches, and that the gradient is unscaled before the step.",
    )


GRADIENT_SCALED = Symptom(
    "gradient-scaled",
    ("warning",),
    f"used over measured gradient norm {LASTING} more than {SAME:.0%} from 1, by one factor to "
    f"within {CONSTANT - 1:.0%}, while the two are parallel",
    "PyTorch, documentation of automatic mixed precision, sections on gradient accumulation and "
    "on unscaled gradients",
    _look,
)
