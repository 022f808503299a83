"""Finding: the training has not got anywhere."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LAST, LASTING, lasting
from landscope.findings.phrase import median_of, number
from landscope.findings.rest import FADED, FALLEN, HIGH, at_rest, losses, unmoved
from landscope.findings.symptom import Symptom

ENOUGH = 2 * LAST
"""Looks before a loss that stays is told: some take their time at first, as in a warm-up."""

FEW, LONG = 6, 100
"""Measurements, and steps from the first to the last, that do as well: a small budget gives few."""

ABOUT = 1.25
"""Times the first loss, above which so few losses do not say anything: they differ by more from
batch to batch, or rise because another network is trained against this one."""

RISEN = 2.0
"""Times the first loss, above which a training does not stay where it was but goes astray."""


def _look(history: History) -> Case | None:
    key, loss = losses(history)
    resting = at_rest(history)
    either = resting | unmoved(history)
    # Which looks show it depends on the gradient as well, so it is the looks that are asked.
    shows = Series.of({step: float(step in either) for step in loss.steps})
    stretch = lasting(shows, bool)
    if stretch is None:
        return None
    first, read = loss.values[0], loss.on(stretch.steps)
    rests = 2 * len(resting.intersection(read.steps)) > len(read)
    if not rests and not _long_enough(loss, either):
        return None
    if not rests and read.median > RISEN * first:
        return Case(
            "warning",
            f"The loss rises: it is {number(read.median)} ({median_of(read)}), and was "
            f"{number(first)} at the first look.",
            Evidence(key, read.steps, read.values, unit="loss"),
            _LOWER,
        )
    return Case(
        "warning",
        f"The training is stuck: the loss is {number(read.median)} ({median_of(read)}), and was "
        f"{number(first)} at the first look{_gone() if rests else ''}.",
        Evidence(key, read.steps, read.values, unit="loss"),
        _OUT if rests else _OFF,
    )


def _long_enough(loss: Series, nowhere: frozenset[int]) -> bool:
    """Whether the training had time: enough measurements, or few that are far apart and agree."""
    if len(loss) >= ENOUGH:
        return True
    apart = len(loss) >= FEW and loss.steps[-1] - loss.steps[0] >= LONG
    about = max(loss.values) <= ABOUT * loss.values[0]
    return apart and about and nowhere.issuperset(loss.steps)


def _gone() -> str:
    return (
        f", while the gradient has gone: it has less than {FADED:.0%} of its first length, and "
        "there is next to no slope left to follow"
    )


_OUT = (
    "Begin again with a smaller learning rate or a warm-up: steps that are too large at first can "
    "drive every unit of a layer into the flat part of its activation; a norm, or another "
    "initialisation or activation, helps as well."
)
_LOWER = (
    "Lower the learning rate until the loss falls. If it rises at any rate, look for the sign of "
    "the loss, or for another network that is trained against this one, whose loss may rise."
)
_OFF = (
    "Look whether the step is much too small or much too large, whether targets belong to their "
    "inputs, and whether the optimiser has all parameters; a network without norms may need "
    "another initialisation. In fine-tuning, where the loss begins low, it may be all there is."
)

STUCK = Symptom(
    "stuck",
    ("warning",),
    f"after {ENOUGH} looks, or {FEW} over {LONG} steps that all lie between that and {ABOUT:.0%}, "
    f"loss {LASTING} not below {FALLEN:.0%} of "
    f"that at the first look; or at any time not below {HIGH:.0%} of it, with a gradient of less "
    f"than {FADED:.0%} of its first length",
    "Lu et al. 2019, arXiv 1903.06733, section 1; on steps that are too large Maas et al. 2013, "
    "Rectifier nonlinearities improve neural network acoustic models, section 2",
    _look,
)
