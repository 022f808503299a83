"""Finding: a loss overflowed."""

from landscope.findings.edge import EDGE, sharpness
from landscope.findings.finding import SEVERITIES, Case, Evidence
from landscope.findings.history import History, finite
from landscope.findings.phrase import counted, number
from landscope.findings.symptom import Symptom
from landscope.reading import TRUSTED, Reading, Status

_LOSSES = {
    ("gradient", "loss"): "loss",
    ("training", "train_loss"): "training loss",
    ("training", "train_data_loss"): "training loss without penalty",
    ("training", "test_loss"): "test loss",
}
_SAID = (*TRUSTED, Status.NONFINITE)  # what was skipped or did not converge says nothing here


def _look(history: History) -> Case | None:
    cases = [case for loss in _LOSSES if (case := _case(history, loss)) is not None]
    # The most severe, of these the first to happen, of these the first in the list of losses.
    return min(
        cases,
        key=lambda case: (SEVERITIES.index(case.severity), case.evidence.steps[0]),
        default=None,
    )


def _case(history: History, loss: tuple[str, str]) -> Case | None:
    said = [r for r in history.readings(*loss) if r.status in _SAID and isinstance(r.value, float)]
    steps = tuple(sorted({reading.step for reading in said if not _sound(reading)}))
    if not steps:
        return None
    sound = [reading.step for reading in said if _sound(reading)]
    evidence = Evidence("/".join(loss), steps, unit="loss")
    name, first = _LOSSES[loss], steps[0]
    again = [step for step in sound if step > steps[-1]]
    if again:
        return Case(
            "warning",
            f"The {name} overflowed at {counted(len(steps), 'look')}, first at step {first}, and "
            f"is finite again from step {again[0]} on{_curvature(history, first)}.",
            evidence,
            "A later overflow may not heal: lower the learning rate, clip the gradient, or look "
            "at the batches of these steps.",
        )
    if not sound:
        return Case(
            "serious",
            f"The {name} was never finite, from the first look at step {first} on: there is no "
            "landscape to descend.",
            evidence,
            "Look for values that are not finite in the data, for a logarithm or a quotient of 0 "
            "in the loss, and for initial weights that are too large.",
        )
    return Case(
        "serious",
        f"The training diverged: the {name} is not finite from step {first} on"
        f"{_curvature(history, first)}.",
        evidence,
        "Go back to weights from before that step; lower the learning rate, warm up to it, or clip "
        "the gradient; in float16 check that the loss is scaled.",
    )


def _sound(reading: Reading) -> bool:
    return finite(reading) and reading.status is not Status.NONFINITE


def _curvature(history: History, step: int) -> str:
    """What the curvature was at the last look before a step, where it tells why."""
    _, read = sharpness(history)
    earlier = [(at, value) for at, value in read.points.items() if at <= step]
    if not earlier or earlier[-1][1] <= EDGE:
        return ""
    at, value = earlier[-1]
    return f"; at step {at} learning rate times curvature was {number(value)}, above the edge at 2"


DIVERGED = Symptom(
    "diverged",
    ("serious", "warning"),
    "a loss, of a look or of the training's curves, that is not finite; a warning where it is "
    "finite again afterwards",
    "Gilmer et al. 2022, arXiv 2110.04369, section 1",
    _look,
)
