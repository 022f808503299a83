"""Findings: norms that stay in evaluation mode, or whose running statistics never move."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import called, listed, median_of
from landscope.findings.symptom import Symptom


def _marked(history: History, quantity: str) -> list[Series]:
    marked = history.marks("norm_health", quantity, "training_loss", 0.0)
    found = [lasting(series, lambda value: value > 0) for series in marked]
    return [each for each in found if each is not None]


def _names(layers: list[Series]) -> str:
    shown = [called(layer) for layer in layers[:3]]
    return listed([*shown, *[f"{len(layers) - 3} more"] * (len(layers) > 3)])


def _network(history: History) -> Case | None:
    found = [each for each in _marked(history, "evaluation_mode") if each.layer is None]
    if not found:
        return None
    (whole,) = history.marks("norm_health", "evaluation_mode", "training_loss", 0.0)[:1]
    changed = whole.values[0] == 0
    before = ", and was in training mode before" if changed else ""
    return Case(
        "warning" if changed else "info",
        "The network is trained in evaluation mode "
        f"({median_of(found[0]).removeprefix('median of ')}){before}: dropout is off, and batch "
        "norms use their running statistics and do not move them.",
        Evidence.of("norm_health/evaluation_mode", found[0]),
        "Call model.train() before the training goes on, as after each validation; where it is "
        "meant, as in some fine-tuning, leave it.",
    )


def _norms(history: History) -> Case | None:
    layers = [each for each in _marked(history, "evaluation_mode") if each.layer is not None]
    if not layers:
        return None
    unset = [each for each in _marked(history, "statistics_unset") if each.layer is not None]
    shown = unset or layers
    start = (
        "running statistics are still the 0 and 1 of their start, so that they normalise nothing"
        if unset
        else "they normalise with running statistics, which do not move"
    )
    return Case(
        "warning" if unset else "info",
        f"Norms are in evaluation mode while the network is trained, at {_names(shown)}: {start}.",
        Evidence.of_layers(
            f"norm_health/{'statistics_unset' if unset else 'evaluation_mode'}", shown
        ),
        "If they are to be trained, call model.train(), which reaches every part, after whatever "
        "calls eval() on a part; norms of a backbone that is frozen on purpose are as they should "
        "be once their statistics are those of its data.",
    )


def _still(history: History) -> Case | None:
    layers = [each for each in _marked(history, "statistics_still") if each.layer is not None]
    if not layers:
        return None
    return Case(
        "warning",
        f"Running statistics never move at {_names(layers)}, although the norms are in training "
        "mode: they are to the bit those of the measurement before, and evaluation uses them.",
        Evidence.of_layers("norm_health/statistics_still", layers),
        "Look for momentum=0 in the norm, for a part of the network that the batch does not pass, "
        "and for code that puts the statistics back.",
    )


_REFERENCE = "Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1"

EVALUATION_MODE = Symptom(
    "evaluation-mode",
    ("warning", "info"),
    f"the whole network in evaluation mode at the step, {LASTING}, where it has dropout or norms "
    "with running statistics; a warning where it was in training mode at the first measurement",
    "PyTorch, documentation of torch.nn.Module.eval",
    _network,
)

NORMS_IN_EVALUATION = Symptom(
    "norms-in-evaluation",
    ("warning", "info"),
    f"a norm with running statistics in evaluation mode while the network is not, {LASTING}; a "
    "warning where its statistics are those of its start, 0 and 1, and its scales are not frozen",
    _REFERENCE,
    _norms,
)

STATISTICS_STILL = Symptom(
    "statistics-still",
    ("warning",),
    "running means of a norm in training mode to the bit those of the measurement before, "
    f"{LASTING}",
    _REFERENCE,
    _still,
)
