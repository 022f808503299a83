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
        f"and what the optimiser used is {number(stretch.median)} ({median_of(stretch)}), where "
        "one loss gives 1, so all other findings are about another function.",
        Evidence.of("gradient/agreement", stretch),
        "Give Scope the very loss that backward() is called on, with all its terms; then look for "
        "gradients that are left over from other batches (zero_grad), clipped value by value, "
        "changed by hooks, or noised.",
    )


LOSS_NOT_TRAINED = Symptom(
    "loss-not-trained",
    ("serious",),
    f"cosine of the measured and the used gradient below {AGREEMENT} {LASTING}",
    "Santurkar et al. 2018, section 3.2 and Definition 2.1: both are about the loss that is "
    "trained",
    _look,
)
