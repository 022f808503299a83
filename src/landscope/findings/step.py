"""Findings about the size and direction of updates, and how much of them rounding loses."""

import math

from landscope.findings.edge import EDGE
from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.gradient import SHORT, used_scale
from landscope.findings.history import SUSTAINED, History, Series
from landscope.findings.layers import with_faint_gradient, without_gradient
from landscope.findings.loss import ENDED, at_its_end, plateau, stuck
from landscope.findings.phrase import median_of
from landscope.quantities import SCOPE, STEP_SIZE, UPDATE
from landscope.text import number, percent

BACK = -0.5
"""Cosine of 120 degrees: more than half of an update's length goes back along the one before."""

USUAL = 1e-3
"""Typical relative update of a healthy training, by the heuristic of the reference."""

LARGE = 0.1
"""A hundred times what is usual: ten such updates can replace the weights."""

VANISHING = 1e-6
"""A thousandth of what is usual, and within a factor of 20 of float32's rounding, 6e-8."""

LOST = 0.5
"""Share of the weights that stay unchanged: in float32 at a usual learning rate it is almost
none."""

MULTIPLE = 8.0
"""Multiple of the step up to which the loss must fall: one batch allows several times what a
training survives, so a smaller multiple says nothing."""

CALM = 0.5
"""Bound on learning rate x curvature, a quarter of the edge, over all the steps for which
updates keep their direction."""

MEMORY = 10.0
"""Largest number of steps for which updates keep their direction, as with a momentum of 0.9, or
with Adam."""

PEAK = 0.5
"""Share of the largest learning rate below which a measurement does not count: there a schedule
keeps the steps small on purpose, in a warm-up or a decay."""

CAUTION = 4.0
"""The largest recommended step is the multiple divided by this, and never below 2."""

_RATIO = (
    'CS231n, notes "Neural Networks Part 3: Learning and Evaluation", section "Ratio of '
    'weights:updates"'
)


@rule(
    f"cosine of successive updates below {BACK} {SUSTAINED}",
    "Xing et al. 2018, arXiv 1802.08770, section 3",
)
def updates_oscillate(history: History) -> Case | None:
    stretch = history.series(UPDATE.successive_cosine).sustained(lambda cosine: cosine < BACK)
    if stretch is None:
        return None
    return Case(
        f"Updates oscillate: the cosine between successive updates is {number(stretch.median)} "
        f"({median_of(stretch)}), so each step undoes much of the one before, as between the walls "
        "of a valley.",
        Evidence.of(stretch),
        "Lower the learning rate, or average over steps, with momentum or an average of the "
        "weights: both move along the valley instead of across it.",
    )


@rule(
    f"||update|| / ||weights|| above {LARGE} {SUSTAINED}",
    _RATIO,
)
def update_too_large(history: History) -> Case | None:
    stretch = history.series(UPDATE.relative_update).sustained(lambda size: size > LARGE)
    if stretch is None:
        return None
    return Case(
        f"Updates are too large: each changes the weights by {percent(stretch.median)} of their "
        f"length ({median_of(stretch)}), and about {USUAL:.1%} is usual, so a few steps replace "
        "what was learnt.",
        Evidence.of(stretch),
        "Lower the learning rate or warm up to it. If weights before a norm have become small, "
        "which does not change the output, less weight decay keeps them larger.",
    )


@rule(
    f"||update|| / ||weights|| below {number(VANISHING)} {SUSTAINED}; not where the loss has "
    f"fallen and the gradient has less than {ENDED:g} of its first length",
    _RATIO,
)
def vanishing_update(history: History) -> Case | None:
    ended = at_its_end(history)
    sizes = history.series(UPDATE.relative_update)
    sizes = sizes.having({step: USUAL if step in ended else x for step, x in sizes.points.items()})
    if (stretch := sizes.sustained(lambda size: size < VANISHING)) is None:
        return None
    return Case(
        f"Updates are vanishing: each changes the weights by {number(stretch.median)} of their "
        f"length ({median_of(stretch)}), and about {USUAL:g} is usual, so much of it is lost to "
        "rounding.",
        Evidence.of(stretch),
        "Unless the training has reached its end, raise the learning rate, check where the "
        "gradient vanishes, and keep the weights in float32.",
    )


@rule(
    f"the update leaves unchanged more than {LOST:.0%} of the weights that are not 0, have a "
    f"gradient and lie in a tensor that it changes, {SUSTAINED}",
    "Zamirai et al. 2020, arXiv 2010.06192, section 3; Micikevicius et al. 2018, arXiv "
    "1710.03740, section 3.1",
)
def lost_updates(history: History) -> Case | None:
    stretch = history.series(UPDATE.lost).sustained(lambda share: share > LOST)
    if stretch is None:
        return None
    return Case(
        f"Updates are lost to rounding: {percent(stretch.median)} of the weights that have a "
        f"gradient do not change by a single bit ({median_of(stretch)}).",
        Evidence.of(stretch),
        "Keep the weights in float32 and compute in bfloat16 or float16 with autocast, or use an "
        "optimiser that keeps a float32 copy of them. In float32, raise the learning rate, unless "
        "the training has reached its end.",
    )


@rule(
    f"loss of the step's own batch still falling at {MULTIPLE:g} times the update and learning "
    f"rate x curvature below {CALM} over the steps for which updates keep their direction, 1 / (1 "
    f"- cosine of successive updates) and at most {MEMORY:g}, {SUSTAINED}; not where the gradient "
    "is close to zero, or the loss has not fallen or depends on other weights that move too, and "
    "not beside stuck, no-gradient, vanishing-gradient, lost-updates or clipping to less than "
    f"{SHORT:g} of the gradient; measurements at less than {PEAK:.0%} of the largest learning rate "
    "do not count",
    "Smith 2017, arXiv 1506.01186, section 3.3; on line searches over one batch Mahsereci and "
    "Hennig 2015, arXiv 1502.02846, section 1",
    severities=("info",),
    of_mean_gradient=True,
)
def step_could_be_larger(history: History) -> Case | None:
    if _has_another_cause(history):
        return None
    stretch = _safe_multiple(history).sustained(lambda multiple: multiple >= MULTIPLE)
    if stretch is None:
        return None
    calm = history.series(STEP_SIZE.sharpness_lr).on(stretch.steps)
    return Case(
        "The step could be larger: along the update the loss of the step's own batch still falls "
        f"at {number(stretch.median)} times the step ({median_of(stretch)}), and learning rate "
        f"times curvature is {number(calm.median)}, far below the edge at {EDGE:g}, even over the "
        "steps for which updates keep their direction.",
        Evidence.of(stretch),
        _twice(history, stretch),
    )


def _has_another_cause(history: History) -> bool:
    """Whether something else holds the training up that a larger step would not fix."""
    clipped = used_scale(history).sustained(lambda scale: scale < SHORT)
    if history.readings(SCOPE.moving_loss):
        return True  # in a game, the size of a safe step depends on both sides
    others = (stuck.case(history), lost_updates.case(history), clipped)
    dead = without_gradient(history) or with_faint_gradient(history)
    return bool(dead) or any(other is not None for other in others)


def _safe_multiple(history: History) -> Series:
    """The safe multiple, where no schedule holds the step back and successive updates were read.

    It counts as 0 where the curvature is not far below the edge, where there is none because the
    update leads uphill, and on a plateau, where every curvature is small.
    """
    multiples = history.series(STEP_SIZE.safe_multiple)
    sharpness = history.series(STEP_SIZE.sharpness_lr).points
    cosines = history.series(UPDATE.successive_cosine).points
    rates = history.series(STEP_SIZE.lr).points
    peak, nowhere = max(rates.values(), default=0.0), plateau(history)

    def calm(step: int) -> bool:
        carried = sharpness.get(step, math.inf) * _kept(cosines[step])
        return carried < CALM and step not in nowhere

    return multiples.having(
        {
            step: multiple if calm(step) else 0.0
            for step, multiple in multiples.points.items()
            if step in cosines and rates.get(step, peak) >= PEAK * peak
        }
    )


def _kept(cosine: float) -> float:
    """Number of steps for which updates keep their direction, if each turns by as much as this one.

    An optimiser with momentum keeps the direction of an update for many steps, so the loss falls
    beyond one of them: 10 times as far with a momentum of 0.9, whatever the learning rate.
    """
    return 1.0 if cosine <= 0 else 1 / max(1 - cosine, 1 / MEMORY)


def _twice(history: History, stretch: Series) -> str:
    most = max(2.0, stretch.median / CAUTION)
    rates = history.series(STEP_SIZE.lr).on(stretch.steps)
    rate = rates.values[-1] if rates.steps else 0.0
    first = f", {number(2 * rate)} instead of {number(rate)}" if rate > 0 else ""
    further = f", and then up to {number(most)} times," if most > 2 else ""
    return (
        f"Try twice the learning rate{first}{further} and judge it by the loss on other data: a "
        "line search on one batch is optimistic, because another batch has its minimum elsewhere."
    )
