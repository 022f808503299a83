"""Figure 3: internal covariate shift, Definition 2.1, of the VGG and of the deep linear net."""

from collections.abc import Iterator
from dataclasses import dataclass

from landscope.figures.curves import accuracy_panel, curve, log_panel, loss_panel, panel_on
from landscope.figures.selection import Net, find_net_at, layers, lr_text
from landscope.figures.spec import Axis, FigureSpec, LinesPanel, Panel, Place
from landscope.runs import StudyRecords


@dataclass(frozen=True, slots=True)
class _Half:
    """One family's part of the figure: its letter, its step sizes and its first row."""

    letter: str
    family: str
    name: str
    lrs: tuple[float, float]
    row: int


_COSINE = Axis("cosine", low=-1.08, high=1.08)
_HALVES = (
    _Half("(a)", "vgg", "VGG", (0.1, 0.01), 0),
    _Half("(b)", "dln", "Linear net", (1e-6, 1e-7), 4),
)


def data(study: StudyRecords) -> FigureSpec:
    """Training, and each layer's shift as an l2 distance and as a cosine, at two step sizes.

    Raises:
        RecordError: A run or a reading is missing.
    """
    return FigureSpec(
        3,
        "Internal covariate shift",
        "How far a layer's gradient moves when the layers before it take their step. If batch norm "
        "reduced the shift, its distance would lie lower and its cosine nearer to 1.",
        tuple(panel for half in _HALVES for panel in _panels(study, half)),
        row_height=1.5,
    )


def _panels(study: StudyRecords, half: _Half) -> Iterator[Panel]:
    for index, lr in enumerate(half.lrs):
        nets = [find_net_at(study, half.family, norm, lr) for norm in ("none", "batch")]
        row = half.row + 2 * index
        title = f"{half.letter} {half.name}, lr {lr_text(lr)}"
        yield _training(title, Place(row, 0, rows=2), half.family, nets)
        shown = layers(study, nets[0].run, half.family, "figure_3")
        for right, layer in enumerate(shown):
            distances = [curve(net, "covariate_shift", "shift_l2", layer) for net in nets]
            place = Place(row, 1 + right)
            yield log_panel(f"Layer {layer.number}: distance", place, "L2 distance", distances)
        for right, layer in enumerate(shown):
            cosines = [curve(net, "covariate_shift", "shift_cosine", layer) for net in nets]
            place = Place(row + 1, 1 + right)
            yield panel_on(f"Layer {layer.number}: cosine", place, _COSINE, cosines)


def _training(title: str, place: Place, family: str, nets: list[Net]) -> LinesPanel:
    if family == "vgg":
        return accuracy_panel(f"{title}: accuracy", place, nets)
    return loss_panel(f"{title}: loss", place, nets)
