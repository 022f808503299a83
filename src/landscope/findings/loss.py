"""Findings about the loss: it overflowed, or it does not fall."""

import math

from landscope.findings.edge import EDGE, sharpness
from landscope.findings.finding import SEVERITIES, Case, Evidence, rule
from landscope.findings.history import LAST, SUSTAINED, History, Series, finite
from landscope.findings.phrase import median_of
from landscope.quantities import GRADIENT, PAPER_LINE, SCOPE, TRAINING, Quantity
from landscope.reading import TRUSTED, Reading, Status
from landscope.text import counted, number

FALLEN = 0.98
"""Share of the first loss below which the loss has fallen: batches differ by more than this, but
when a training learns, its loss is below this at most measurements."""

HIGH = 0.8
"""Share of the first loss that is still high: if the outputs no longer depend on the inputs, the
loss is that of guessing, and a network starts near it or somewhat above."""

FADED = 0.1
"""Share of the first gradient norm that counts as close to zero."""

ENDED = 1e-3
"""Share of the first gradient norm that remains at a minimum if there is one batch or each batch
can be fitted; otherwise a batch's gradient is larger."""

ENOUGH = 2 * LAST
"""Number of measurements before a constant loss counts: some trainings start slowly, as in a
warm-up."""

FEW, LONG = 6, 100
"""Number of measurements, and of steps from the first to the last, that suffice as well: a small
budget gives few measurements."""

ABOUT = 1.25
"""Multiple of the first loss above which so few losses say nothing: they differ by more from
batch to batch, or rise because another network is trained against this one."""

RISEN = 2.0
"""Multiple of the first loss above which the loss is said to rise."""

_LOSSES = {
    GRADIENT.loss: "loss",
    TRAINING.train_loss: "training loss",
    TRAINING.train_data_loss: "training loss without penalty",
    TRAINING.test_loss: "test loss",
}
_SAID = (
    *TRUSTED,
    Status.NONFINITE,
)  # readings that were skipped or did not converge say nothing here


def plateau(history: History) -> frozenset[int]:
    """The steps on a plateau: the loss has not fallen, or is high with a gradient close to zero."""
    return _not_below(FALLEN, _losses(history)) | at_rest(history)


def at_rest(history: History) -> frozenset[int]:
    """The steps at which the loss is high and the gradient is close to zero."""
    return _not_below(HIGH, _losses(history)) & _with_gradient(history, at_most=FADED)


def at_its_end(history: History) -> frozenset[int]:
    """The steps at which the training has reached a minimum."""
    return _with_gradient(history, at_most=ENDED) - plateau(history)


def _with_gradient(history: History, *, at_most: float) -> frozenset[int]:
    """The steps at which the gradient has at most a share of its first length."""
    gradient = _first_read(history, GRADIENT.gradient_norm, PAPER_LINE.gradient_norm)
    most = at_most * gradient.first
    return frozenset(step for step, norm in gradient.points.items() if norm <= most)


def _not_below(share: float, loss: Series) -> frozenset[int]:
    """The steps at which the loss is at least a share of the first, which must be above 0."""
    least = share * loss.first if loss.first > 0 else math.inf
    return frozenset(step for step, value in loss.points.items() if value >= least)


def _losses(history: History) -> Series:
    """The loss of the measurements, or else of the training's curve."""
    return _first_read(history, GRADIENT.loss, TRAINING.train_loss)


def _first_read(history: History, first: Quantity, second: Quantity) -> Series:
    read = history.series(first)
    return read if read.steps else history.series(second)


@rule(
    "a loss that is not finite, in a measurement or in the training's curves; a warning where it "
    "is finite again afterwards",
    "Gilmer et al. 2022, arXiv 2110.04369, section 1",
    severities=("serious", "warning"),
)
def diverged(history: History) -> Case | None:
    cases = [case for loss in _LOSSES if (case := _overflow(history, loss)) is not None]
    # The most severe; among equals the first to happen, then the first in the list of losses.
    return min(
        cases,
        key=lambda case: (SEVERITIES.index(case.severity or "serious"), case.evidence.steps[0]),
        default=None,
    )


def _overflow(history: History, loss: Quantity) -> Case | None:
    said = [r for r in history.readings(loss) if r.status in _SAID and isinstance(r.value, float)]
    steps = tuple(sorted({reading.step for reading in said if not _sound(reading)}))
    if not steps:
        return None
    sound = [reading.step for reading in said if _sound(reading)]
    evidence = Evidence(str(loss), steps, unit=loss.unit)
    name, first = _LOSSES[loss], steps[0]
    again = [step for step in sound if step > steps[-1]]
    if again:
        return Case(
            f"The {name} overflowed at {counted(len(steps), 'measurement')}, first at step "
            f"{first}, and is finite again from step {again[0]} on{_curvature(history, first)}.",
            evidence,
            "The training may not recover from a later overflow: lower the learning rate, clip the "
            "gradient, or check the batches of these steps.",
            "warning",
        )
    if not sound:
        return Case(
            f"The {name} was never finite, from the first measurement at step {first} on, so there "
            "is nothing to descend.",
            evidence,
            "Check for values in the data that are not finite, for a logarithm of 0 or a division "
            "by 0 in the loss, and for initial weights that are too large.",
        )
    return Case(
        f"The training diverged: the {name} is not finite from step {first} on"
        f"{_curvature(history, first)}.",
        evidence,
        "Go back to weights from before that step, and lower the learning rate, warm up to it, or "
        "clip the gradient. In float16, check that the loss is scaled.",
    )


def _sound(reading: Reading) -> bool:
    return finite(reading) and reading.status is not Status.NONFINITE


def _curvature(history: History, step: int) -> str:
    """The curvature at the last measurement up to a step, if it explains the divergence."""
    earlier = [(at, value) for at, value in sharpness(history).points.items() if at <= step]
    if not earlier or earlier[-1][1] <= EDGE:
        return ""
    at, value = earlier[-1]
    return f"; at step {at} learning rate times curvature was {number(value)}, above the edge at 2"


@rule(
    f"after {ENOUGH} measurements, or {FEW} over {LONG} steps that all lie between that and "
    f"{ABOUT:.0%}, loss {SUSTAINED} not below {FALLEN:.0%} of that at the first measurement, "
    f"unless it depends on other weights that move too; or at any time not below {HIGH:.0%} of it, "
    f"with a gradient of less than {FADED:.0%} of its first length",
    "Lu et al. 2019, arXiv 1903.06733, section 1; on steps that are too large Maas et al. 2013, "
    "Rectifier nonlinearities improve neural network acoustic models, section 2",
)
def stuck(history: History) -> Case | None:
    loss, resting, nowhere = _losses(history), at_rest(history), plateau(history)
    # Whether a measurement shows it depends on the gradient as well, so the steps are tested.
    stretch = loss.having({step: float(step in nowhere) for step in loss.steps}).sustained(bool)
    if stretch is None:
        return None
    first, read = loss.first, loss.on(stretch.steps)
    values = (
        f"{number(read.median)} ({median_of(read)}), and was {number(first)} at the first "
        "measurement"
    )
    if 2 * len(resting.intersection(read.steps)) > len(read):
        return Case(
            f"The training is stuck: the loss is {values}, and the gradient has less than "
            f"{FADED:.0%} of its first length, so there is almost no slope left to follow.",
            Evidence.of(read),
            "Start again with a smaller learning rate or a warm-up: first steps that are too large "
            "can drive every unit of a layer into the flat part of its activation. A norm, or "
            "another initialisation or activation, also helps.",
        )
    # A loss that other networks move as well need not fall: in a game it stays constant while both
    # learn.
    if history.readings(SCOPE.moving_loss) or not _long_enough(loss, nowhere):
        return None
    if read.median > RISEN * first:
        return Case(
            f"The loss rises: it is {values}.",
            Evidence.of(read),
            "Lower the learning rate until the loss falls. If it rises at any learning rate, check "
            "the sign of the loss, and whether another network is trained against this one, in "
            "which case the loss may rise.",
        )
    return Case(
        f"The training is stuck: the loss is {values}.",
        Evidence.of(read),
        "Check whether the step is much too small or much too large, whether targets match their "
        "inputs, and whether the optimiser has all parameters. A network without norms may need "
        "another initialisation. In fine-tuning, where the loss starts low, there may be nothing "
        "more to gain.",
    )


def _long_enough(loss: Series, nowhere: frozenset[int]) -> bool:
    """Whether it had time to learn: enough measurements, or a few that are far apart and agree."""
    if len(loss) >= ENOUGH:
        return True
    apart = len(loss) >= FEW and loss.steps[-1] - loss.steps[0] >= LONG
    about = max(loss.values) <= ABOUT * loss.first
    return apart and about and nowhere.issuperset(loss.steps)
