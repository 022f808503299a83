"""Finding: the optimiser used another gradient than the one that the backward pass gave."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.loss_not_trained import AGREEMENT
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom

_KEPT = "gradient/used_cosine"


def _look(history: History) -> Case | None:
    cosines = history.series("gradient", "used_cosine")
    stretch = lasting(cosines, lambda value: value < AGREEMENT)
    if stretch is None:
        return None
    found = f"the cosine between the two is {number(stretch.median)} ({median_of(stretch)})"
    if _mostly(history.series("gradient", "left_over").on(stretch.steps), 1):
        return Case(
            "warning",
            "The optimiser used gradients that were left over from earlier steps: backward() added "
            f"to a .grad that was not zero, and what the optimiser used differs from it: {found}.",
            Evidence.of(_KEPT, stretch),
            "Call optimizer.zero_grad() before each backward(). Where several batches are added up "
            "on purpose, give each its own block, or put all of them into one batch.",
        )
    if _mostly(history.series("gradient", "backward_passes").on(stretch.steps), 2):
        return Case(
            "info",
            "The optimiser used another gradient than the one at the weights before the step: a "
            f"step has several backward passes, and {found}. Sharpness-aware minimisation takes "
            "its gradient at other weights on purpose.",
            Evidence.of(_KEPT, stretch),
            "Nothing, if this is meant: what is measured is the loss and its gradient at the "
            "weights before the step. Where the passes are parts of a loss, give Scope their sum.",
        )
    return Case(
        "info",
        f"The optimiser used another gradient than the one that backward() gave: {found}.",
        Evidence.of(_KEPT, stretch),
        "Nothing, if this is meant, as where gradients are clipped value by value, noised for "
        "privacy, projected or averaged. What is measured is the gradient of the loss.",
    )


def _mostly(series: Series, least: float) -> bool:
    return bool(series.steps) and series.median >= least


GRADIENT_CHANGED = Symptom(
    "gradient-changed",
    ("warning", "info"),
    f"cosine of the used gradient and that of the backward pass below {AGREEMENT} {LASTING}; a "
    "warning where the backward pass added to gradients that were left over",
    "Foret et al. 2021, arXiv 2010.01412, section 2; PyTorch, documentation of "
    "torch.optim.Optimizer.zero_grad",
    _look,
)
