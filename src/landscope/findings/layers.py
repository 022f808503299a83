"""Findings about layers: those that no gradient or optimiser reaches, and units that are dead."""

from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.history import LAST, SUSTAINED, History, Series
from landscope.findings.phrase import named, names
from landscope.quantities import COVARIATE_SHIFT, GRADIENT, INPUT_DRIFT
from landscope.text import percent

FEWEST = 5
"""Measurements that must all show a gradient of exactly 0: a layer that is left out at random, or
an expert that few samples reach, has none at one or another of them."""

FAINT = 1e-5
"""Share of the largest gradient of the other layers: layers of one network that learn differ by
factors of tens or hundreds, those behind twenty saturated ones by millions."""

SILENT = 0.5
"""Share of units that are 0 at every sample: a few are usual with a ReLU, most are not."""

ROUND = 0.0
"""Cosine below which the gradient has turned by more than a right angle: to first order, the
layer's own step then raises the loss."""

_DEAD_UNITS = "Lu et al. 2019, arXiv 1903.06733, section 1"


def without_gradient(history: History) -> list[Series]:
    """The layers whose gradient was exactly 0 at each of the last measurements, in order."""
    last = [series.last() for series in history.layers(GRADIENT.gradient_share)]
    return [each for each in last if len(each) >= FEWEST and not any(each.values)]


def with_faint_gradient(history: History) -> list[Series]:
    """The other layers whose gradient is next to nothing beside that of the others, worst first."""
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
        f"No gradient reaches {names(layers)}: it was exactly 0 "
        f"at each of the last {len(layers[0])} measurements, so that nothing but weight decay "
        "changes these weights.",
        Evidence.of_layers(layers),
        "Look for a detach(), no_grad() or argmax between them and the loss, for a branch whose "
        "output the loss does not use, and for units that are all in the flat part of their "
        "activation (a bias or learning rate that is too large); if they are not to be trained, "
        "set requires_grad_(False).",
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
        "The gradient vanishes on its way: as a share of the largest of other layers it is "
        f"{named(layers)}, so that these layers hardly learn.",
        Evidence.of_layers(layers),
        "Take an activation that does not saturate, such as ReLU or GELU, another initialisation, "
        "norms, or residual connections; look also at factors that make a branch tiny.",
    )


@rule(
    f"more than {SILENT:.0%} of a layer's inputs 0 at every sample of a batch of 16 or more, "
    f"{SUSTAINED}; not of the first layer, whose inputs are the data, nor behind a batch norm",
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
        "Look at the biases and the initialisation of the layer before, lower the learning rate or "
        "warm it up, or take an activation that passes a gradient on both sides, such as "
        "LeakyReLU or GELU; a network that is pruned or padded on purpose has such units too.",
    )


@rule(
    "parameters that require a gradient, that no optimiser of the scope has and that have not "
    f"moved since the first measurement, {SUSTAINED}",
    "PyTorch, documentation of torch.optim, section on constructing an optimiser",
    severities=("info",),
)
def not_optimised(history: History) -> Case | None:
    layers = history.sustained_layers(GRADIENT.unowned, lambda share: share > 0)
    if not layers:
        return None
    return Case(
        "No optimiser has the parameters, as a share of the layer, of "
        f"{named(layers, percent)}: they require a gradient, and nothing has moved them.",
        Evidence.of_layers(layers),
        "If they are to be trained, give them to the optimiser, and make it after the last layer "
        "was replaced, added or unfrozen. If not, requires_grad_(False) saves the time and memory "
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
        f"The gradient turns round under the update of the layers before it in {named(layers)}: "
        f"the median cosine of before and after is negative, since step {layers[0].steps[0]} in "
        "the first, so that there the layer's own step leads uphill once the others have moved.",
        Evidence.of_layers(layers),
        "While the loss falls, leave it: networks with batch norm show it too and train well, "
        "which is the point of the paper. Otherwise a smaller learning rate lets each layer see "
        "the landscape that it steps on.",
    )
