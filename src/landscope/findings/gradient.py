"""Findings about the gradient that the training uses: is it the gradient of the measured loss?"""

import math

from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.history import SUSTAINED, History, Series
from landscope.findings.phrase import median_of
from landscope.quantities import GRADIENT, Quantity
from landscope.text import counted, number, percent

AGREEMENT = 0.99
"""Two gradients of one loss on one batch differ only by rounding, and even a relative error of a
tenth, far more than low precision causes, leaves their cosine at 0.995."""

SAME = 0.05
"""Relative difference of length up to which two gradients count as equal: rounding in low
precision stays below it, and mistaking a sum for a mean gives at least a factor of 2."""

CONSTANT = 1.01
"""Ratio of largest to smallest factor up to which a factor counts as constant: rounding stays
within it, and the norms of a training's gradients do not."""

CLIPPED = 0.95
"""Length of the used gradient over that of the computed one, below which it counts as clipped:
rounding does not shorten a gradient by a twentieth."""

SHORT = 0.1
"""Factor below which clipping is a warning: the effective learning rate is less than a tenth of
the chosen one."""

_MIXED_PRECISION = "PyTorch, documentation of automatic mixed precision"


def used_scale(history: History) -> Series:
    """Norm of the gradient that the optimiser used, over that of the ``backward()`` gradient."""
    return _where_parallel(history, GRADIENT.used_scale, GRADIENT.used_cosine)


def _computed_scale(history: History) -> Series:
    """Norm of the gradient that ``backward()`` computed, over that of the measured one."""
    return _where_parallel(history, GRADIENT.gradient_scale, GRADIENT.agreement)


def _where_parallel(history: History, scale: Quantity, cosine: Quantity) -> Series:
    cosines = history.series(cosine).points
    return history.series(scale).on(step for step, value in cosines.items() if value >= AGREEMENT)


def _constant(factors: Series) -> bool:
    """Whether all factors are equal."""
    return bool(factors.steps) and max(factors.values) <= CONSTANT * min(factors.values)


@rule(
    f"cosine of the measured gradient and that of the training's backward pass below {AGREEMENT} "
    f"{SUSTAINED}",
    "Santurkar et al. 2018, section 3.2 and Definition 2.1: both are about the loss that is "
    "trained",
    severities=("serious",),
)
def loss_not_trained(history: History) -> Case | None:
    stretch = history.series(GRADIENT.agreement).sustained(lambda value: value < AGREEMENT)
    if stretch is None:
        return None
    return Case(
        "The loss given to Scope is not the one being trained: the cosine between its gradient "
        f"and the one that backward() computed is {number(stretch.median)} ({median_of(stretch)}), "
        "where the same loss gives 1, so all other findings are about another function.",
        Evidence.of(stretch),
        "Give Scope exactly the loss that backward() is called on, with all its terms, and exactly "
        "the batch that the model is called with, after augmentation.",
    )


@rule(
    f"length of the backward pass's gradient over that of the measured one {SUSTAINED} more than "
    f"{SAME:.0%} from 1, or of the used gradient over that of the backward pass by one factor to "
    f"within {CONSTANT - 1:.0%}, while the two are parallel",
    f"{_MIXED_PRECISION}, sections on gradient accumulation and on unscaled gradients",
)
def gradient_scaled(history: History) -> Case | None:
    return _loss_scaled(history) or _use_scaled(history)


def _loss_scaled(history: History) -> Case | None:
    # When several batches make one update, loops that divide the loss by their number and loops
    # that do not are both correct.
    scales, batches = _computed_scale(history), history.series(GRADIENT.batches).points
    closest = {
        step: min((scale, scale * batches.get(step, 1.0)), key=_off)
        for step, scale in scales.points.items()
    }
    stretch = scales.having(closest).sustained(lambda value: abs(value - 1) > SAME)
    if stretch is None:
        return None
    times = _times(stretch)
    return Case(
        f"The gradient that backward() computed is {times} times the measured one "
        f"({median_of(stretch)}), so the loss being trained is {times} times the one given to "
        "Scope, and losses, curvatures and gradients are measured in units of the latter.",
        Evidence.of(stretch),
        "Give Scope the loss that backward() is called on: check mean against sum, weights of "
        "samples or tokens, and a division by the number of accumulated batches. A GradScaler is "
        "given as scaler=.",
    )


def _off(scale: float) -> float:
    """How far a factor is from 1, in either direction."""
    return abs(math.log(scale)) if scale > 0 else math.inf


def _use_scaled(history: History) -> Case | None:
    stretch = used_scale(history).sustained(lambda value: abs(value - 1) > SAME)
    # A varying factor below 1 is clipping, which is another finding.
    if stretch is None or not _constant(stretch):
        return None
    return Case(
        f"At every measurement the gradient that the optimiser used is {_times(stretch)} times the "
        f"gradient of the loss ({median_of(stretch)}): the effective learning rate is not the "
        "chosen one.",
        Evidence.of(stretch),
        "Look for code that scales .grad between backward() and step(): a GradScaler that does not "
        "unscale, a division by the number of batches or processes, or clipping by a constant "
        "factor.",
    )


def _times(stretch: Series) -> str:
    if _constant(stretch):
        return number(stretch.median)
    return f"{number(min(stretch.values))} to {number(max(stretch.values))}"


@rule(
    "several batches an update, and the length of one batch's gradient over that of the measured "
    f"one {SUSTAINED} within {SAME:.0%} of 1",
    f"{_MIXED_PRECISION}, section on gradient accumulation",
    severities=("info",),
)
def accumulation_not_divided(history: History) -> Case | None:
    batches = history.series(GRADIENT.batches)
    several = [step for step, count in batches.points.items() if count > 1]
    scales = _computed_scale(history).on(several)
    stretch = scales.sustained(lambda scale: abs(scale - 1) < SAME)
    if stretch is None:
        return None
    count = number(batches.on(stretch.steps).median)
    return Case(
        f"Accumulated batches are summed, not averaged: an update takes {count} batches, and the "
        "loss of each is not divided by their number, so the gradient is about that many times "
        "the gradient of the mean.",
        Evidence.of(stretch),
        f"If the learning rate was chosen for the mean, divide each loss by {count} before "
        "backward(). If the loss is a sum over samples, the sum is intended. With Adam the factor "
        "makes no difference unless the gradient is clipped.",
    )


@rule(
    f"cosine of the used gradient and that of the backward pass below {AGREEMENT} {SUSTAINED}; a "
    "warning where the backward pass added to gradients left over from earlier steps",
    "Foret et al. 2021, arXiv 2010.01412, section 2; PyTorch, documentation of "
    "torch.optim.Optimizer.zero_grad",
    severities=("warning", "info"),
    of_mean_gradient=True,
)
def gradient_changed(history: History) -> Case | None:
    stretch = history.series(GRADIENT.used_cosine).sustained(lambda value: value < AGREEMENT)
    if stretch is None:
        return None
    found = f"the cosine between the two is {number(stretch.median)} ({median_of(stretch)})"
    if history.series(GRADIENT.left_over).on(stretch.steps).median >= 1:
        return Case(
            "The optimiser used gradients left over from earlier steps: backward() added to a "
            ".grad that was not zero, so the gradient that the optimiser used differs from the "
            f"computed one: {found}.",
            Evidence.of(stretch),
            "Call optimizer.zero_grad() before each backward(). To accumulate several batches on "
            "purpose, give each its own block, or put all of them into one batch.",
        )
    if history.series(GRADIENT.backward_passes).on(stretch.steps).median >= 2:
        return Case(
            "The optimiser did not use the gradient at the weights before the step: a step has "
            f"several backward passes, and {found}. Sharpness-aware minimisation takes its "
            "gradient at other weights on purpose.",
            Evidence.of(stretch),
            "If this is intended, do nothing: Scope measures the loss and its gradient at the "
            "weights before the step. If the passes are parts of one loss, give Scope their sum.",
            "info",
        )
    return Case(
        f"The optimiser did not use the gradient that backward() computed: {found}.",
        Evidence.of(stretch),
        "If this is intended, do nothing: gradients may be clipped by value, noised for privacy, "
        "projected or averaged. Scope measures the gradient of the loss.",
        "info",
    )


@rule(
    f"used gradient {SUSTAINED} shorter than {CLIPPED} times that of the backward pass, by a "
    f"factor that varies, while the two are parallel; a warning where its median is below {SHORT}",
    "Pascanu et al. 2013, arXiv 1211.5063, section 3.2",
    severities=("warning", "info"),
    of_mean_gradient=True,
)
def gradient_clipped(history: History) -> Case | None:
    factors = used_scale(history)
    stretch = factors.sustained(lambda value: value < CLIPPED)
    # The same factor at every measurement means a scaled loss, which is another finding.
    if stretch is None or _constant(stretch):
        return None
    clipped = factors.on(step for step, value in factors.points.items() if value < CLIPPED)
    return Case(
        f"The gradient was clipped at {len(clipped)} of {counted(len(factors), 'measurement')} "
        f"({percent(len(clipped) / len(factors))}), to a median of {number(clipped.median)} of its "
        "length, so the clipping, and not the learning rate alone, sets the length of the step.",
        Evidence.of(clipped),
        "If clipping should only catch exceptions, raise its bound, or lower the learning rate by "
        "that factor. If it should normalise the step, keep it, and tune the bound and the "
        "learning rate together.",
        "info" if clipped.median >= SHORT else "warning",
    )
