"""Findings: layers that no gradient reaches, or hardly any, and units that are silent."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LAST, LASTING, lasting
from landscope.findings.phrase import called, listed, named, percent
from landscope.findings.symptom import Symptom

FEWEST = 5
"""Measurements that must all show a gradient of exactly 0: a layer that is left out at random, or
an expert that few samples reach, has none at one or another of them."""

FAINT = 1e-5
"""Share of the largest gradient of the other layers: layers of one network that learn differ by
factors of tens or hundreds, those behind twenty saturated ones by millions."""

SILENT = 0.5
"""Share of units that are 0 at every sample: a few are usual with a ReLU, most are not."""


def _shares(history: History) -> list[Series]:
    return history.marks("gradient", "gradient_share", "gradient_norm", 1.0)


def without_gradient(history: History) -> list[Series]:
    """The layers whose gradient was exactly 0 at each of the last measurements, in order."""
    recent = [
        Series(series.steps[-LAST:], series.values[-LAST:], series.layer)
        for series in _shares(history)
    ]
    return [each for each in recent if len(each) >= FEWEST and not any(each.values)]


def with_faint_gradient(history: History) -> list[Series]:
    """The other layers whose gradient is next to nothing beside that of the others, worst first."""
    dead = {series.layer for series in without_gradient(history)}
    found = [lasting(series, lambda share: share < FAINT) for series in _shares(history)]
    kept = [each for each in found if each is not None and each.layer not in dead]
    return sorted(kept, key=lambda each: each.median)


def _no_gradient(history: History) -> Case | None:
    layers = without_gradient(history)
    if not layers:
        return None
    names = listed([called(layer) for layer in layers[:3]])
    more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
    return Case(
        "warning",
        f"No gradient reaches {names}{more}: it was exactly 0 at each of the last "
        f"{len(layers[0])} measurements, so that nothing but weight decay changes these weights.",
        Evidence.of_layers("gradient/gradient_share", layers),
        "Look for a detach(), no_grad() or argmax between them and the loss, for a branch whose "
        "output the loss does not use, and for units that are all in the flat part of their "
        "activation (a bias or learning rate that is too large); if they are not to be trained, "
        "set requires_grad_(False).",
    )


def _vanishing(history: History) -> Case | None:
    layers = with_faint_gradient(history)
    if not layers:
        return None
    return Case(
        "warning",
        "The gradient vanishes on its way: as a share of the largest of other layers it is "
        f"{named(layers)}, "
        "so that these layers hardly learn.",
        Evidence.of_layers("gradient/gradient_share", layers),
        "Take an activation that does not saturate, such as ReLU or GELU, another initialisation, "
        "norms, or residual connections; look also at factors that make a branch tiny.",
    )


def _silent(history: History) -> Case | None:
    marked = history.marks("input_drift", "silent_inputs", "input_mean_change", 0.0)
    found = [lasting(series, lambda share: share > SILENT) for series in marked]
    layers = sorted((each for each in found if each is not None), key=lambda each: -each.median)
    if not layers:
        return None
    return Case(
        "warning",
        "Most units are dead before "
        f"{named(layers, percent)}: this share of the layer's inputs is 0 at every sample of a "
        "batch.",
        Evidence.of_layers("input_drift/silent_inputs", layers),
        "Look at the biases and the initialisation of the layer before, lower the learning rate or "
        "warm it up, or take an activation that passes a gradient on both sides, such as "
        "LeakyReLU or GELU; a network that is pruned or padded on purpose has such units too.",
    )


_REFERENCE = "Lu et al. 2019, arXiv 1903.06733, section 1"

NO_GRADIENT = Symptom(
    "no-gradient",
    ("warning",),
    f"gradient of a layer's weights exactly 0 at each of the last {LAST} measurements, of at least "
    f"{FEWEST}, while the loss is not 0",
    _REFERENCE,
    _no_gradient,
)

VANISHING_GRADIENT = Symptom(
    "vanishing-gradient",
    ("warning",),
    f"gradient of a layer's weights {LASTING} below {FAINT:g} of the largest of the layers behind "
    "the first",
    "Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural "
    "networks, section 4",
    _vanishing,
)

DEAD_UNITS = Symptom(
    "dead-units",
    ("warning",),
    f"more than {SILENT:.0%} of a layer's inputs 0 at every sample of a batch of 16 or more, "
    f"{LASTING}; not of the first layer, whose inputs are the data, nor behind a batch norm",
    _REFERENCE,
    _silent,
)
