"""Findings about the data: batches of one class after another, and features of unlike scales."""

from itertools import pairwise

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LAST, LASTING, LEAST, lasting
from landscope.findings.phrase import called, counted, number
from landscope.findings.symptom import Symptom

CLASSES = 3
"""Classes that must have filled batches: of two, real and generated samples may take turns."""

RUN = 4
"""With two classes, measurements for each change of class: sorted data has few, turns have many."""

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
    changes = sum(one != other for one, other in pairwise(labels.values))
    few = classes == 2 and changes * RUN <= len(labels)
    if not (classes >= CLASSES or few):
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
    f"at least 95% of a batch's integer labels of one class {LASTING}, of {CLASSES} classes or "
    f"more in turn, or of two that change at most at every {RUN}th measurement",
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
