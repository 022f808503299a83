"""Findings: weights that no optimiser has, updates lost in rounding, batches that add up."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, named, number, percent
from landscope.findings.symptom import Symptom

LOST = 0.5
"""Share of the weights that stay as they were: in float32 at a usual rate it is next to none."""

PARALLEL = 0.99
"""Cosine of the gradients from which on their lengths can be compared."""

UNDIVIDED = 0.05
"""How far from 1 the length of a batch's gradient may be: divided by 2 it would be 0.5."""


def lost(history: History) -> Series | None:
    """The stretch over which most of the update is lost in rounding; None unless it lasts."""
    marked = history.marks("update", "lost", "update_norm", 0.0)
    return lasting(marked[0], lambda share: share > LOST) if marked else None


def _lost(history: History) -> Case | None:
    stretch = lost(history)
    if stretch is None:
        return None
    return Case(
        "warning",
        f"Updates are lost in rounding: {percent(stretch.median)} of the weights that have a "
        f"gradient stay to the bit as they were ({median_of(stretch)}).",
        Evidence.of("update/lost", stretch),
        "Keep the weights in float32 and compute in bfloat16 or float16 by autocast, or take an "
        "optimiser that keeps a float32 copy of them; in float32, raise the learning rate, unless "
        "the training is meant to have come to its end.",
    )


def _unowned(history: History) -> Case | None:
    marked = history.marks("gradient", "unowned", "gradient_norm", 0.0)
    found = [lasting(series, lambda share: share > 0) for series in marked]
    layers = sorted((each for each in found if each is not None), key=lambda each: -each.median)
    if not layers:
        return None
    return Case(
        "info",
        "No optimiser has the parameters, as a share of the layer, of "
        f"{named(layers, percent)}: they require a gradient, and nothing has moved them.",
        Evidence.of_layers("gradient/unowned", layers),
        "If they are to be trained, give them to the optimiser, and make it after the last layer "
        "was replaced, added or unfrozen. If not, requires_grad_(False) saves the time and memory "
        "of their gradient.",
    )


def _undivided(history: History) -> Case | None:
    batches = history.series("gradient", "batches").points
    cosines = history.series("gradient", "agreement").points
    scales = history.series("gradient", "gradient_scale")
    several = scales.on(
        step
        for step in scales.steps
        if batches.get(step, 1.0) > 1 and cosines.get(step, 0.0) >= PARALLEL
    )
    stretch = lasting(several, lambda scale: abs(scale - 1) < UNDIVIDED)
    if stretch is None:
        return None
    count = number(Series.of({step: batches[step] for step in stretch.steps}).median)
    return Case(
        "info",
        f"Accumulated batches add up and are not averaged: an update takes {count} batches, and "
        "the loss of each is not divided by their number, so that its gradient is about that many "
        "times that of their mean.",
        Evidence.of("gradient/gradient_scale", stretch),
        f"If the learning rate was chosen for the mean, divide each loss by {count} before "
        "backward(); a loss that is a sum over samples is meant to add up, and Adam does not "
        "notice the factor, unless the gradient is clipped.",
    )


LOST_UPDATES = Symptom(
    "lost-updates",
    ("warning",),
    f"more than {LOST:.0%} of the weights that are not 0, have a gradient and lie in a tensor that "
    f"the update changes unchanged by it, {LASTING}",
    "Zamirai et al. 2020, arXiv 2010.06192, section 3; Micikevicius et al. 2018, arXiv "
    "1710.03740, section 3.1",
    _lost,
)

NOT_OPTIMISED = Symptom(
    "not-optimised",
    ("info",),
    f"parameters that require a gradient, that no optimiser of the scope has and that have not "
    f"moved since the first measurement, {LASTING}",
    "PyTorch, documentation of torch.optim, section on constructing an optimiser",
    _unowned,
)

ACCUMULATION_NOT_DIVIDED = Symptom(
    "accumulation-not-divided",
    ("info",),
    "several batches an update, and the length of one batch's gradient over that of the measured "
    f"one {LASTING} within {UNDIVIDED:.0%} of 1",
    "PyTorch, documentation of automatic mixed precision, section on gradient accumulation",
    _undivided,
)
