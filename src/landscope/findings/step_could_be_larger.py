"""Finding: there is room for a larger learning rate."""

from landscope.findings.edge import EDGE
from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.symptom import Symptom

MULTIPLE = 8.0
"""Multiple of the step up to which the loss must fall: one batch allows several times what a
training survives, so less than this is no sign."""

CALM = 0.5
"""Learning rate x curvature must be below this, a quarter of the edge."""

PEAK = 0.5
"""Share of the largest learning rate below which a look does not count: there a schedule keeps the
steps small on purpose, in a warm-up or a decay."""

CAUTION = 4.0
"""By this the multiple is divided in what is recommended at most, and never below 2."""


def _look(history: History) -> Case | None:
    room = _room(history)
    stretch = lasting(room, lambda multiple: multiple >= MULTIPLE)
    if stretch is None:
        return None
    calm = history.series("step_size", "sharpness_lr").on(stretch.steps)
    return Case(
        "info",
        "The step could be larger: along the update the loss of the step's own batch still falls "
        f"at {number(stretch.median)} times the step ({median_of(stretch)}), and learning rate "
        f"times curvature is {number(calm.median)}, far below the edge at {EDGE:g}.",
        Evidence.of("step_size/safe_multiple", stretch),
        _remedy(history, stretch),
    )


def _room(history: History) -> Series:
    """The safe multiple where curvature was read too and no schedule holds the step back.

    It counts as 0 where the curvature is not far below the edge.
    """
    multiples = history.series("step_size", "safe_multiple")
    sharpness = history.series("step_size", "sharpness_lr").points
    rates = history.series("step_size", "lr").points
    peak = max(rates.values(), default=0.0)
    return Series.of(
        {
            step: multiple if sharpness[step] < CALM else 0.0
            for step, multiple in multiples.points.items()
            if step in sharpness and rates.get(step, peak) >= PEAK * peak
        }
    )


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
    f"rate x curvature below {CALM} {LASTING}; looks at less than {PEAK:.0%} of the largest "
    "learning rate do not count",
    "Smith 2017, arXiv 1506.01186, section 3.3; on line searches over one batch Mahsereci and "
    "Hennig 2015, arXiv 1502.02846, section 1",
    _look,
)
