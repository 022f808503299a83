"""Findings about the data: batches of one class after another, and features of unlike scales."""

import cmath
import math
from collections import Counter
from itertools import pairwise

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LAST, LASTING, LEAST, lasting
from landscope.findings.phrase import called, counted, number
from landscope.findings.symptom import Symptom

FIT = 0.85
"""Length of the mean of the directions that are left when a pace is taken off, from which on it is
that at which classes are gone through: of sorted data in five classes it is 0.93."""

CHANCE = 0.01
"""Chance that classes that each batch draws anew change as seldom, or fit any pace as well (by
Schuster's test of a period)."""

RECENT = 60
"""Measurements whose order is looked at: enough for either, and few enough to take no time."""

_MOST_PACES = 1000

SIZE = 30.0
"""Root mean square: inputs that are normalised have about 1, pixels from 0 to 255 about 100."""

SPREAD = 100.0
"""Largest magnitude of a feature over that of the median one."""


def _sorted(history: History) -> Case | None:
    (shares,) = history.marks("gradient", "largest_class", "gradient_norm", 0.0) or [None]
    if shares is None:
        return None
    stretch = lasting(shares, lambda share: share > 0)
    if stretch is None:
        return None
    labels = history.series("gradient", "largest_class_number").on(stretch.steps)
    classes = len(set(labels.values))
    recent = labels.on(labels.steps[-RECENT:])
    if classes < 2 or not (_in_runs(recent) or _at_a_pace(recent)):
        return None
    read = stretch.on(labels.steps)
    return Case(
        "warning",
        f"The data come sorted: nearly all labels of a batch are of one class "
        f"({counted(len(labels), 'measurement')} since step {labels.steps[0]}), and it is "
        f"{classes} classes that take turns.",
        Evidence.of("gradient/largest_class", read),
        "Shuffle the training data, as with DataLoader(shuffle=True) or a buffer that is larger "
        "than a class; batches of one class on purpose, as in some metric learning, are left as "
        "they are.",
    )


def _in_runs(labels: Series) -> bool:
    """Whether classes change more seldom than where each batch draws its own, beyond chance."""
    pairs = len(labels) - 1
    changes = sum(one != other for one, other in pairwise(labels.values))
    counts = Counter(labels.values).values()
    differ = 1 - sum((count / len(labels)) ** 2 for count in counts)
    seldom = sum(
        math.comb(pairs, k) * differ**k * (1 - differ) ** (pairs - k) for k in range(changes + 1)
    )
    return seldom <= CHANCE


def _at_a_pace(labels: Series) -> bool:
    """Whether all classes are gone through at one pace, from the last on to the first again.

    As angles on a circle, less those of a pace, the classes of sorted data lie close together. The
    pace is looked for; that drawn classes fit one of as many is an accident of known chance.
    """
    classes = max(labels.values) + 1
    if classes < LEAST or len(labels) < LEAST:
        return False
    span = labels.steps[-1] - labels.steps[0]
    paces = span / min(later - earlier for earlier, later in pairwise(labels.steps))
    fit = max(
        abs(
            sum(
                cmath.rect(1, 2 * math.pi * (label / classes - at * (step / span) / 2))
                for step, label in labels.points.items()
            )
        )
        / len(labels)
        for at in range(-_MOST_PACES, _MOST_PACES + 1)
        if abs(at) <= 2 * paces
    )
    return fit >= FIT and 2 * paces * math.exp(-len(labels) * fit * fit) <= CHANCE


def _recorded(history: History, quantity: str, usual: float) -> list[Series]:
    found = history.layers("input_drift", quantity)
    recent = [Series(s.steps[-LAST:], s.values[-LAST:], s.layer) for s in found]
    return [s for s in recent if len(s) >= LEAST and s.median > usual]


def _unscaled(history: History) -> Case | None:
    sizes = _recorded(history, "input_size", SIZE)
    spreads = _recorded(history, "input_spread", SPREAD)
    if not sizes and not spreads:
        return None
    parts: list[str] = []
    if sizes:
        parts.append(f"their root mean square is {number(sizes[0].median)}, where about 1 is usual")
    if spreads:
        parts.append(
            f"the largest feature is {number(spreads[0].median)} times as large as the median one"
        )
    shown = sizes or spreads
    return Case(
        "info",
        f"Inputs are not scaled where they enter {called(shown[0])}: {', and '.join(parts)}.",
        Evidence.of_layers(f"input_drift/input_{'size' if sizes else 'spread'}", shown),
        "Subtract from each feature its mean over the training data and divide by its standard "
        "deviation (pixels from 0 to 255 by 255), or begin with a norm; directly before a batch "
        "norm it matters less.",
    )


SORTED_DATA = Symptom(
    "sorted-data",
    ("warning",),
    f"at least 95% of a batch's integer labels of one class {LASTING}, which changes so seldom, or "
    "from class to class at so steady a pace, that classes drawn anew for each batch do it once in "
    f"{1 / CHANCE:.0f} trainings",
    "Bengio 2012, arXiv 1206.5533, section 3.1",
    _sorted,
)

UNSCALED_INPUTS = Symptom(
    "unscaled-inputs",
    ("info",),
    f"inputs of the first layer, in {LEAST} measurements or more, with a root mean square above "
    f"{SIZE:g}, or with a largest feature above {SPREAD:g} times the median one",
    "LeCun et al. 1998, Efficient BackProp, section 4.3",
    _unscaled,
)
