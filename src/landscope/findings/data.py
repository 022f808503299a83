"""Findings about the data: their order and scale, and the size of a batch beside its noise."""

import cmath
import math
from collections import Counter
from itertools import pairwise

from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.history import LEAST, SUSTAINED, History, Series
from landscope.findings.loss import plateau
from landscope.findings.phrase import called, median_of, since
from landscope.quantities import GRADIENT, INPUT_DRIFT, NOISE_SCALE
from landscope.text import number, percent

FIT = 0.85
"""Length of the mean of the directions that are left when a pace is taken off, from which on it is
that at which classes are gone through: of sorted data in five classes it is 0.93."""

CHANCE = 0.01
"""Chance that classes that each batch draws anew change as seldom, or fit any pace as well (by
Schuster's test of a period)."""

RECENT = 60
"""Measurements whose order counts: enough for either, and few enough to take no time."""

SIZE = 30.0
"""Root mean square: inputs that are normalised have about 1, pixels from 0 to 255 about 100."""

SPREAD = 100.0
"""Largest magnitude of a feature over that of the median one."""

NOISY = 0.1
"""Efficiency below which noise dominates: twice the batch then makes nearly twice the progress."""

CLEAN = 0.9
"""Efficiency above which the batch is larger than useful: of efficiency e, half the batch needs
1 - e more steps, here less than a tenth, for half the arithmetic of each."""

_MOST_PACES = 1000
_NOISE_SCALE = "McCandlish et al. 2018, arXiv 1812.06162, section 2.2"


@rule(
    f"at least 95% of a batch's integer labels of one class {SUSTAINED}, which changes so seldom, "
    "or from class to class at so steady a pace, that classes drawn anew for each batch do it once "
    f"in {1 / CHANCE:.0f} trainings",
    "Bengio 2012, arXiv 1206.5533, section 3.1",
)
def sorted_data(history: History) -> Case | None:
    stretch = history.series(GRADIENT.largest_class).sustained(lambda share: share > 0)
    if stretch is None:
        return None
    labels = history.series(GRADIENT.largest_class_number).on(stretch.steps)
    classes, recent = len(set(labels.values)), labels.last(RECENT)
    if classes < 2 or not (_in_runs(recent) or _at_a_pace(recent)):
        return None
    return Case(
        "The data come sorted: nearly all labels of a batch are of one class "
        f"({since(labels)}), and it is {classes} classes that take turns.",
        Evidence.of(stretch.on(labels.steps)),
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


@rule(
    f"inputs of the first layer, in {LEAST} measurements or more, with a root mean square above "
    f"{SIZE:g}, or with a largest feature above {SPREAD:g} times the median one",
    "LeCun et al. 1998, Efficient BackProp, section 4.3",
    severities=("info",),
)
def unscaled_inputs(history: History) -> Case | None:
    sizes = [each.last() for each in history.layers(INPUT_DRIFT.input_size)]
    sizes = [each for each in sizes if len(each) >= LEAST and each.median > SIZE]
    spreads = [each.last() for each in history.layers(INPUT_DRIFT.input_spread)]
    spreads = [each for each in spreads if len(each) >= LEAST and each.median > SPREAD]
    shown = sizes or spreads
    if not shown:
        return None
    parts: list[str] = []
    if sizes:
        parts.append(f"their root mean square is {number(sizes[0].median)}, where about 1 is usual")
    if spreads:
        parts.append(
            f"the largest feature is {number(spreads[0].median)} times as large as the median one"
        )
    return Case(
        f"Inputs are not scaled where they enter {called(shown[0])}: {', and '.join(parts)}.",
        Evidence.of_layers(shown),
        "Subtract from each feature its mean over the training data and divide by its standard "
        "deviation (pixels from 0 to 255 by 255), or begin with a norm; directly before a batch "
        "norm it matters less.",
    )


def _efficiency(history: History) -> Series:
    """``1 / (1 + noise scale / batch size)``; an estimate outside (0, 1] is none."""
    read = history.series(NOISE_SCALE.efficiency)
    return read.on(step for step, value in read.points.items() if 0 < value <= 1)


def _sizes(history: History, stretch: Series) -> str:
    """Noise scale and batch size in words, as far as they were read."""
    scale = history.series(NOISE_SCALE.noise_scale).on(stretch.steps)
    batch = history.series(NOISE_SCALE.batch_size).on(stretch.steps)
    if not scale.steps or not batch.steps:
        return ""
    return (
        f", as the noise scale is {number(scale.median)} samples and the batch has "
        f"{number(batch.median)}"
    )


@rule(
    f"efficiency 1 / (1 + noise scale / batch size) below {NOISY} {SUSTAINED}",
    _NOISE_SCALE,
    severities=("info",),
    of_mean_gradient=True,
)
def noise_dominates(history: History) -> Case | None:
    stretch = _efficiency(history).sustained(lambda value: value < NOISY)
    if stretch is None:
        return None
    return Case(
        f"Noise dominates the gradient: a step makes at most {percent(stretch.median)} of the "
        f"progress that all the data's gradient would make ({median_of(stretch)})"
        f"{_sizes(history, stretch)}.",
        Evidence.of(stretch),
        "If time matters more than arithmetic, a larger batch with a learning rate larger in "
        "proportion needs fewer steps, up to about the noise scale; near the end of a training "
        "this is usual, and a decay of the learning rate averages the noise instead.",
    )


@rule(
    f"efficiency 1 / (1 + noise scale / batch size) above {CLEAN} {SUSTAINED}; not where the "
    "loss is what it was at first, or high while the gradient is next to nothing",
    _NOISE_SCALE,
    severities=("info",),
    of_mean_gradient=True,
)
def batch_larger_than_useful(history: History) -> Case | None:
    read, nowhere = _efficiency(history), plateau(history)
    # On a plateau the gradients of all samples may agree: no batch is of use, small or large.
    useful = {step: 0.0 if step in nowhere else value for step, value in read.points.items()}
    stretch = read.having(useful).sustained(lambda value: value > CLEAN)
    if stretch is None:
        return None
    return Case(
        f"The batch is larger than useful: a step makes {percent(stretch.median)} of the progress "
        f"that all the data's gradient would make ({median_of(stretch)})"
        f"{_sizes(history, stretch)}.",
        Evidence.of(stretch),
        f"Half the batch would need {percent(1 - stretch.median)} more steps at half the "
        "arithmetic of each; keep the batch where the device is not full without it, or where a "
        "norm needs it. The noise scale grows in the course of a training: look again later.",
    )
