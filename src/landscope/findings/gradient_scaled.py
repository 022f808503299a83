"""Finding: the loss that is measured is a multiple of the one that is trained."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom
from landscope.findings.used_gradient import CONSTANT, computed_scale, constant, used_scale

SAME = 0.05
"""Relative difference of length up to which two gradients count as equal: rounding in low
precision stays below, and a mean taken for a sum is at least a factor of 2."""


def _look(history: History) -> Case | None:
    return _of_loss(history) or _of_use(history)


def _of_loss(history: History) -> Case | None:
    stretch = lasting(computed_scale(history), lambda value: abs(value - 1) > SAME)
    if stretch is None:
        return None
    times = _times(stretch)
    return Case(
        "warning",
        f"The gradient that backward() gave is {times} times the measured one "
        f"({median_of(stretch)}), so the loss that is trained is {times} times the one that was "
        "given, and losses, curvatures and gradients here are in units of the latter.",
        Evidence.of("gradient/gradient_scale", stretch),
        "Give Scope the loss that backward() is called on: check mean against sum, weights of "
        "samples or tokens, and a division by the number of accumulated batches.",
    )


def _of_use(history: History) -> Case | None:
    stretch = lasting(used_scale(history), lambda value: abs(value - 1) > SAME)
    # A factor that varies and shortens is clipping, which is another finding.
    if stretch is None or not constant(stretch):
        return None
    return Case(
        "warning",
        f"The gradient that the optimiser used is {_times(stretch)} times the one that the loss "
        f"has at every measurement ({median_of(stretch)}): the learning rate that acts is another "
        "than the one that was chosen.",
        Evidence.of("gradient/used_scale", stretch),
        "Look for what scales .grad between backward() and step(): a GradScaler whose scale is not "
        "taken out, a division by a number of batches or processes, a clipping of fixed effect.",
    )


def _times(stretch: Series) -> str:
    if constant(stretch):
        return number(stretch.median)
    return f"{number(min(stretch.values))} to {number(max(stretch.values))}"


GRADIENT_SCALED = Symptom(
    "gradient-scaled",
    ("warning",),
    f"length of the backward pass's gradient over that of the measured one {LASTING} more than "
    f"{SAME:.0%} from 1, or of the used gradient over that of the backward pass by one factor to "
    f"within {CONSTANT - 1:.0%}, while the two are parallel",
    "PyTorch, documentation of automatic mixed precision, sections on gradient accumulation and "
    "on unscaled gradients",
    _look,
)
