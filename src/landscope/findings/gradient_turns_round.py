"""Finding: a layer's gradient turns round under the update of the layers before it."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting_smallest
from landscope.findings.phrase import named
from landscope.findings.symptom import Symptom

ROUND = 0.0
"""Cosine below which the gradient has turned by more than a right angle: to first order, the
layer's own step then raises the loss."""


def _look(history: History) -> Case | None:
    stretches = lasting_smallest(
        history, "covariate_shift", "shift_cosine", lambda value: value < ROUND
    )
    if not stretches:
        return None
    return Case(
        "info",
        f"The gradient turns round under the update of the layers before it in {named(stretches)}: "
        f"the median cosine of before and after is negative, since step {stretches[0].steps[0]} in "
        "the first, so that there the layer's own step leads uphill once the others have moved.",
        Evidence.of_layers("covariate_shift/shift_cosine", stretches),
        "While the loss falls, leave it: networks with batch norm show it too and train well, "
        "which is the point of the paper. Otherwise a smaller learning rate lets each layer see "
        "the landscape that it steps on.",
    )


GRADIENT_TURNS_ROUND = Symptom(
    "gradient-turns-round",
    ("info",),
    f"cosine of a layer's gradient before and after its predecessors' update below {ROUND:g} "
    f"{LASTING}",
    "Santurkar et al. 2018, arXiv 1805.11604, Definition 2.1 and section 2.2",
    _look,
)
