"""Findings about layers that no gradient or optimiser reaches, and about dead units."""

from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.history import LAST, SUSTAINED, History, Series
from landscope.findings.phrase import named, names
from landscope.quantities import COVARIATE_SHIFT, GRADIENT, INPUT_DRIFT
from landscope.text import percent

FEWEST = 5
"""Number of measurements that must all show a gradient of exactly 0: a layer that is dropped at
random, or an expert that few samples reach, has none only now and then."""

FAINT = 1e-5
"""Share of the largest gradient of the other layers: among layers that learn it differs by
factors of tens or hundreds, and behind twenty saturated layers by millions."""

SILENT = 0.5
"""Share of units that are 0 at every sample: a few such units are usual with a ReLU."""

ROUND = 0.0
"""Cosine below which the gradient has turned by more than a right angle: then, to first order,
the layer's own step raises the loss."""

_DEAD_UNITS = "Lu et al. 2019, arXiv 1903.06733, section 1"


def without_gradient(history: History) -> list[Series]:
    """The layers whose gradient was exactly 0 at each of the last measurements."""
    last = [series.last() for series in history.layers(GRADIENT.gradient_share)]
    return [each for each in last if len(each) >= FEWEST and not any(each.values)]


def with_faint_gradient(history: History) -> list[Series]:
    """The layers whose gradient is tiny relative to the largest, but not 0, the worst first."""
    dead = {series.layer for series in without_gradient(history)}
    faint = history.sustained_layers(
        GRADIENT.gradient_share, lambda share: share < FAINT, smallest_first=True
    )
    return [series for series in faint if series.layer not in dead]


@rule(
    f"gradient of a layer's weights exactly 0 at each of the last {LAST} measurements, of at least "
    f"{FEWEST}, while the loss is not 0",
    _DEAD_UNITS,
)
def no_gradient(history: History) -> Case | None:
    layers = without_gradient(history)
    if not layers:
        return None
    return Case(
        f"No gradient reaches {names(layers)}: it was exactly 0 at each of the last "
        f"{len(layers[0])} measurements, so only weight decay changes these weights.",
        Evidence.of_layers(layers),
        "Look for a detach(), no_grad() or argmax between them and the loss, for a branch whose "
        "output the loss does not use, and for units that are all in the flat part of their "
        "activation (because a bias or the learning rate is too large). If the weights should not "
        "be trained, set requires_grad_(False).",
    )


@rule(
    f"gradient of a layer's weights {SUSTAINED} below {FAINT:g} of the largest of the layers "
    "behind the first",
    "Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural "
    "networks, section 4",
)
def vanishing_gradient(history: History) -> Case | None:
    layers = with_faint_gradient(history)
    if not layers:
        return None
    return Case(
        "The gradient vanishes on its way back: relative to the largest gradient among the layers "
        f"it is {named(layers)}, so these layers hardly learn.",
        Evidence.of_layers(layers),
        "Use an activation that does not saturate, such as ReLU or GELU, another initialisation, "
        "norms, or residual connections. Also check for factors that make a branch tiny.",
    )


@rule(
    f"more than {SILENT:.0%} of a layer's inputs 0 at every sample of a batch of 16 or more, "
    f"{SUSTAINED}; not for the first layer, whose inputs are the data, nor behind a batch norm",
    _DEAD_UNITS,
)
def dead_units(history: History) -> Case | None:
    layers = history.sustained_layers(INPUT_DRIFT.silent_inputs, lambda share: share > SILENT)
    if not layers:
        return None
    return Case(
        f"Most units are dead before {named(layers, percent)}: this share of the layer's inputs is "
        "0 at every sample of a batch.",
        Evidence.of_layers(layers),
        "Check the biases and the initialisation of the layer before, lower the learning rate or "
        "warm it up, or use an activation that passes a gradient on both sides, such as LeakyReLU "
        "or GELU. A network that is pruned or padded on purpose has such units too.",
    )


@rule(
    "parameters that require a gradient, are in no optimiser of the scope and have not moved "
    f"since the first measurement, {SUSTAINED}",
    "PyTorch, documentation of torch.optim, section on constructing an optimiser",
    severities=("info",),
)
def not_optimised(history: History) -> Case | None:
    layers = history.sustained_layers(GRADIENT.unowned, lambda share: share > 0)
    if not layers:
        return None
    return Case(
        f"Parameters are in no optimiser, as a share of the layer, of {named(layers, percent)}: "
        "they require a gradient, and nothing has moved them.",
        Evidence.of_layers(layers),
        "If they should be trained, give them to the optimiser, and create it after the last layer "
        "is replaced, added or unfrozen. If not, requires_grad_(False) saves the time and memory "
        "of their gradient.",
    )


@rule(
    f"cosine of a layer's gradient before and after its predecessors' update below {ROUND:g} "
    f"{SUSTAINED}",
    "Santurkar et al. 2018, arXiv 1805.11604, Definition 2.1 and section 2.2",
    severities=("info",),
)
def gradient_turns_round(history: History) -> Case | None:
    layers = history.sustained_layers(
        COVARIATE_SHIFT.shift_cosine, lambda cosine: cosine < ROUND, smallest_first=True
    )
    if not layers:
        return None
    return Case(
        "The layer's gradient reverses under the update of the layers before it in "
        f"{named(layers)}: the median cosine between the gradients before and after is negative "
        f"(in the first, since step {layers[0].steps[0]}), so the layer's own step leads uphill "
        "once the others have moved.",
        Evidence.of_layers(layers),
        "Do nothing while the loss falls: networks with batch norm show this too and train well, "
        "which is the point of the paper. Otherwise lower the learning rate, so that each layer's "
        "gradient stays valid for its step.",
    )
