"""Findings about the data: its order and scale, and the batch size relative to the noise."""

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
"""Mean resultant length, after a constant pace is removed, above which the classes are taken to
be traversed at that pace. Sorted data in five classes has 0.93."""

CHANCE = 0.01
"""Probability that classes drawn independently for each batch change as rarely, or fit some pace
as well (Schuster's test for a period)."""

RECENT = 60
"""Number of measurements whose order is tested: enough for either test, few enough to be fast."""

SIZE = 30.0
"""Root mean square: normalised inputs have about 1, pixels from 0 to 255 about 100."""

SPREAD = 100.0
"""Ratio of the largest feature's magnitude to the median feature's."""

NOISY = 0.1
"""Efficiency below which noise dominates: doubling the batch then nearly doubles the progress."""

CLEAN = 0.9
"""Efficiency above which the batch is larger than useful: at efficiency e, half the batch needs
a share 1 - e more steps (here less than a tenth), each with half the arithmetic."""

_MOST_PACES = 1000
_NOISE_SCALE = "McCandlish et al. 2018, arXiv 1812.06162, section 2.2"


@rule(
    f"at least 95% of a batch's integer labels of one class {SUSTAINED}, and the class changes so "
    "rarely, or at so steady a pace, that classes drawn independently for each batch would do so "
    f"once in {1 / CHANCE:.0f} trainings",
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
        f"The data is sorted: nearly all labels of a batch belong to one class ({since(labels)}), "
        f"and {classes} classes take turns.",
        Evidence.of(stretch.on(labels.steps)),
        "Shuffle the training data, for example with DataLoader(shuffle=True) or a buffer larger "
        "than a class. If batches of one class are intended, as in some metric learning, ignore "
        "this.",
    )


def _in_runs(labels: Series) -> bool:
    """Whether classes change significantly more rarely than if each batch drew its own."""
    pairs = len(labels) - 1
    changes = sum(one != other for one, other in pairwise(labels.values))
    counts = Counter(labels.values).values()
    differ = 1 - sum((count / len(labels)) ** 2 for count in counts)
    seldom = sum(
        math.comb(pairs, k) * differ**k * (1 - differ) ** (pairs - k) for k in range(changes + 1)
    )
    return seldom <= CHANCE


def _at_a_pace(labels: Series) -> bool:
    """Whether the batches go through all classes at one pace, again and again.

    Taken as angles on a circle, less those of a constant pace, the classes of sorted data lie close
    together. The pace is searched for; the probability that randomly drawn classes fit one of as
    many paces is known.
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
    f"in {LEAST} measurements or more, the first layer's inputs have a root mean square above "
    f"{SIZE:g}, or a largest feature above {SPREAD:g} times the median one",
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
        f"The inputs of {called(shown[0])} are not scaled: {', and '.join(parts)}.",
        Evidence.of_layers(shown),
        "Subtract each feature's mean over the training data and divide by its standard deviation "
        "(divide pixels from 0 to 255 by 255), or start the network with a norm. Directly before a "
        "batch norm it matters less.",
    )


def _efficiency(history: History) -> Series:
    """``1 / (1 + noise scale / batch size)``; estimates outside (0, 1] are dropped."""
    read = history.series(NOISE_SCALE.efficiency)
    return read.on(step for step, value in read.points.items() if 0 < value <= 1)


def _sizes(history: History, stretch: Series) -> str:
    """Noise scale and batch size in words, where they were read."""
    scale = history.series(NOISE_SCALE.noise_scale).on(stretch.steps)
    batch = history.series(NOISE_SCALE.batch_size).on(stretch.steps)
    if not scale.steps or not batch.steps:
        return ""
    return (
        f", because the noise scale is {number(scale.median)} samples and the batch has "
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
        "progress that the gradient of all the data would make "
        f"({median_of(stretch)}){_sizes(history, stretch)}.",
        Evidence.of(stretch),
        "If time matters more than arithmetic, use a larger batch, up to about the noise scale, "
        "with a proportionally larger learning rate: it needs fewer steps. Near the end of a "
        "training this is usual, and decaying the learning rate averages the noise instead.",
    )


@rule(
    f"efficiency 1 / (1 + noise scale / batch size) above {CLEAN} {SUSTAINED}; not where the loss "
    "has not fallen, or is high while the gradient is close to zero",
    _NOISE_SCALE,
    severities=("info",),
    of_mean_gradient=True,
)
def batch_larger_than_useful(history: History) -> Case | None:
    read, nowhere = _efficiency(history), plateau(history)
    # On a plateau the gradients of all samples may agree: then no batch size helps.
    useful = {step: 0.0 if step in nowhere else value for step, value in read.points.items()}
    stretch = read.having(useful).sustained(lambda value: value > CLEAN)
    if stretch is None:
        return None
    return Case(
        f"The batch is larger than useful: a step makes {percent(stretch.median)} of the progress "
        "that the gradient of all the data would make "
        f"({median_of(stretch)}){_sizes(history, stretch)}.",
        Evidence.of(stretch),
        f"Half the batch would need {percent(1 - stretch.median)} more steps, each with half the "
        "arithmetic. Keep the batch if a smaller one leaves the device idle, or if a norm needs "
        "it. The noise scale grows during training, so check again later.",
    )
