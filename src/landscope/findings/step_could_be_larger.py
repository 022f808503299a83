"""Finding: there is room for a larger learning rate."""

import math

from landscope.findings.dead import with_faint_gradient, without_gradient
from landscope.findings.edge import EDGE
from landscope.findings.finding import Case, Evidence
from landscope.findings.gradient_clipped import SHORT
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.lost_updates import lost
from landscope.findings.phrase import median_of, number
from landscope.findings.rest import at_rest, unmoved
from landscope.findings.stuck import STUCK
from landscope.findings.symptom import Symptom
from landscope.findings.used_gradient import used_scale

MULTIPLE = 8.0
"""Multiple of the step up to which the loss must fall: one batch allows several times what a
training survives, so less than this is no sign."""

CALM = 0.5
"""Learning rate x curvature must be below this, a quarter of the edge, over all the steps in which
updates keep their direction."""

MEMORY = 10.0
"""Steps for which updates keep their direction at most, as with a momentum of 0.9, or with Adam."""

PEAK = 0.5
"""Share of the largest learning rate below which a look does not count: there a schedule keeps the
steps small on purpose, in a warm-up or a decay."""

CAUTION = 4.0
"""By this the multiple is divided in what is recommended at most, and never below 2."""


def _look(history: History) -> Case | None:
    if _has_another_cause(history):
        return None
    room = _room(history)
    stretch = lasting(room, lambda multiple: multiple >= MULTIPLE)
    if stretch is None:
        return None
    calm = history.series("step_size", "sharpness_lr").on(stretch.steps)
    return Case(
        "info",
        "The step could be larger: along the update the loss of the step's own batch still falls "
        f"at {number(stretch.median)} times the step ({median_of(stretch)}), and learning rate "
        f"times curvature is {number(calm.median)}, far below the edge at {EDGE:g}, even over the "
        "steps in which updates keep their direction.",
        Evidence.of("step_size/safe_multiple", stretch),
        _remedy(history, stretch),
    )


def _has_another_cause(history: History) -> bool:
    """Whether something else holds the training up, which a larger step does not put right."""
    clipped = lasting(used_scale(history), lambda scale: scale < SHORT)
    return (
        clipped is not None
        or STUCK.look(history) is not None
        or bool(without_gradient(history) or with_faint_gradient(history))
        or lost(history) is not None
    )


def _room(history: History) -> Series:
    """The safe multiple where no schedule holds the step back and it is known what follows it.

    It counts as 0 where the curvature is not far below the edge, or is none because the update
    leads uphill, and on a plateau, where any curvature is small.
    """
    multiples = history.series("step_size", "safe_multiple")
    sharpness = history.series("step_size", "sharpness_lr").points
    cosines = history.series("update", "successive_cosine").points
    rates = history.series("step_size", "lr").points
    peak, plateau = max(rates.values(), default=0.0), _plateau(history)

    def calm(step: int) -> bool:
        carried = sharpness.get(step, math.inf) * _kept(cosines[step])
        return carried < CALM and step not in plateau

    return Series.of(
        {
            step: multiple if calm(step) else 0.0
            for step, multiple in multiples.points.items()
            if step in cosines and rates.get(step, peak) >= PEAK * peak
        }
    )


def _plateau(history: History) -> frozenset[int]:
    """Where the gradient has gone, or the loss is what it was at first."""
    return at_rest(history) | unmoved(history)


def _kept(cosine: float) -> float:
    """Steps for which updates keep their direction, if each turns by as much as this one.

    An optimiser with momentum goes on along an update for many steps, so that the loss must fall
    beyond one of them: with a momentum of 0.9 by 10 times as far, whatever the learning rate.
    """
    return 1.0 if cosine <= 0 else 1 / max(1 - cosine, 1 / MEMORY)


def _remedy(history: History, stretch: Series) -> str:
    most = max(2.0, stretch.median / CAUTION)
    rates = history.series("step_size", "lr").on(stretch.steps)
    rate = rates.values[-1] if rates.steps else 0.0
    first = f", {number(2 * rate)} instead of {number(rate)}" if rate > 0 else ""
    further = f", and then up to {number(most)} times," if most > 2 else ""
    return (
        f"Try twice the learning rate{first}{further} and judge it by the loss on other data: a "
        "line search on one batch is optimistic, because the next batch has its valley elsewhere."
    )


STEP_COULD_BE_LARGER = Symptom(
    "step-could-be-larger",
    ("info",),
    f"loss of the step's own batch still falling at {MULTIPLE:g} times the update and learning "
    f"rate x curvature below {CALM} over the steps in which updates keep their direction, 1 / (1 - "
    f"cosine of successive updates) and at most {MEMORY:g}, {LASTING}; not where the "
    "gradient has gone or the loss is what it was at first, and not beside stuck, no-gradient, "
    f"vanishing-gradient, lost-updates or clipping to less than {SHORT:g} of the gradient; "
    f"looks at less than {PEAK:.0%} of the largest learning rate do not count",
    "Smith 2017, arXiv 1506.01186, section 3.3; on line searches over one batch Mahsereci and "
    "Hennig 2015, arXiv 1502.02846, section 1",
    _look,
)
