"""Finding: the loss that is measured is not the one that is trained."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom

AGREEMENT = 0.99
"""Two gradients of one loss on one batch differ by rounding alone, and even a relative error of a
tenth, far more than low precision makes, leaves their cosine at 0.995."""


def _look(history: History) -> Case | None:
    stretch = lasting(history.series("gradient", "agreement"), lambda value: value < AGREEMENT)
    if stretch is None:
        return None
    return Case(
        "serious",
        "The loss that was given is not the one that is trained: the cosine between its gradient "
        f"and the one that backward() gave is {number(stretch.median)} ({median_of(stretch)}), "
        "where one loss gives 1, so all other findings are about another function.",
        Evidence.of("gradient/agreement", stretch),
        "Give Scope the very loss that backward() is called on, with all its terms and the batch "
        "that the model is called with; a hook on a parameter that changes its gradient has the "
        "same effect.",
    )


LOSS_NOT_TRAINED = Symptom(
    "loss-not-trained",
    ("serious",),
    f"cosine of the measured gradient and that of the training's backward pass below {AGREEMENT} "
    f"{LASTING}",
    "Santurkar et al. 2018, section 3.2 and Definition 2.1: both are about the loss that is "
    "trained",
    _look,
)
