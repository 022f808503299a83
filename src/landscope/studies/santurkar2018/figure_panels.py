"""What the paper's figures are made of: its runs and layers, and panels that several share."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from landscope.errors import RecordError
from landscope.figures.axes import log_axis
from landscope.figures.curves import (
    ShownRun,
    accuracy_panel,
    bands_panel,
    curve,
    early_end,
    log_panel,
    loss_panel,
)
from landscope.figures.ridges import ridges_panel
from landscope.figures.spec import (
    EDGE_OF_STABILITY,
    ColourBar,
    Curve,
    Dash,
    Entry,
    Level,
    LinesPanel,
    Panel,
    Place,
    PlotAxis,
    RidgesPanel,
    Scale,
)
from landscope.figures.style import NORMS
from landscope.norms.names import NORM_LABELS
from landscope.quantities import FIXED_LINE, PAPER_LINE, Quantity
from landscope.reading import Reading
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.santurkar2018.experiments import DLN_LR, VGG_LR, PaperStudy
from landscope.text import lr_text

PAPER_LR: dict[str, float] = {"vgg": VGG_LR, "dln": DLN_LR}
"""The step size that the paper uses unless it says otherwise, by family."""

TRAINED = {"vgg": "accuracy", "dln": "loss"}
"""What shows how well each of the two trains: the linear net classifies nothing."""
_FAMILIES = {"vgg": "VGG", "dln": "linear net"}
"""What a reader calls the paper's two set-ups."""
_LINES = 30
"""More lines than this cannot be distinguished on a colour bar."""


@dataclass(frozen=True, slots=True)
class NumberedLayer:
    """A layer with its number, counted from 1 in the order of execution, as the paper does."""

    number: int
    name: str


def find_net(study: StudyRecords, family: str, norm: str, lr: float | None = None) -> ShownRun:
    """The run of this norm, named by it, at the paper's step size.

    With a step size the name says that as well, and the dash: the paper's is solid, a larger one
    dashed, a smaller one dotted.

    Raises:
        RecordError: The study has no such run.
    """
    usual, label, dash = PAPER_LR[family], NORM_LABELS[norm], NORMS[norm].dash
    run = study.find(family=family, norm=norm, lr=usual if lr is None else lr)
    if lr is not None:
        label = f"{label}, lr {lr_text(lr)}"
        dash = Dash.DASHED if lr > usual else Dash.DOTTED if lr < usual else Dash.SOLID
    return ShownRun(run, Entry(label, norm, _FAMILIES[family], dash, early_end(run.outcome)))


def find_nets(
    study: StudyRecords, family: str, norms: Iterable[str], lr: float | None = None
) -> list[ShownRun]:
    """The runs of these norms; raises as `find_net` does."""
    return [find_net(study, family, norm, lr) for norm in norms]


def layers(study: StudyRecords, run: RunRecords, family: str, figure: str) -> list[NumberedLayer]:
    """The layers that the study's preset shows in a figure.

    Args:
        study: The study.
        run: The run whose layers are meant.
        family: Table of the preset.
        figure: As in ``"figure_2"``.

    Raises:
        RecordError: The preset names no layers for this figure, or one that the run has not.
    """
    numbers = study.settings(PaperStudy).preset.family(family).layers.get(figure)
    if not numbers:
        raise RecordError(
            f"preset.{family}.layers.{figure} = {numbers!r}",
            "the study's manifest names the layers of each figure",
            "run the study again with this version of landscope",
        )
    return list(dict.fromkeys(_layer(run, number) for number in numbers))


def training_panel(title: str, place: Place, family: str, nets: list[ShownRun]) -> LinesPanel:
    """How the nets train, by what `TRAINED` says."""
    panel = {"accuracy": accuracy_panel, "loss": loss_panel}[TRAINED[family]]
    return panel(title, place, nets)


def ridges_grid(
    study: StudyRecords,
    family: str,
    nets: list[ShownRun],
    figure: str,
    *,
    letter: str = "",
    column: int = 0,
    upright: bool = False,
) -> Iterator[RidgesPanel]:
    """Ridges of each run and layer: a row for each run, or a column for each where ``upright``.

    Args:
        study: The study.
        family: Table of the preset.
        nets: The runs.
        figure: Key of the preset's layers, as in ``"figure_2"``.
        letter: Of the panels, as in ``"(c)"``.
        column: The first column.
        upright: Whether the runs are beside each other.

    Raises:
        RecordError: A run has no histograms of these layers.
    """
    for at, net in enumerate(nets):
        name = f"{letter} {NORM_LABELS[net.entry.norm]}".strip()
        for beside, layer in enumerate(layers(study, net.run, family, figure)):
            row, right = (beside, at) if upright else (at, beside)
            title = f"{name}, layer\u00a0{layer.number}"
            yield ridges_panel(title, Place(row, column + right), net, layer.name)


@dataclass(frozen=True, slots=True)
class _AlongGradient:
    """One reading along the gradient (paper.md section 4), a curve or a band over step sizes."""

    title: str
    label: str
    quantity: Quantity
    levels: tuple[Level, ...] = ()

    def panel(self, letter: str, place: Place, nets: list[ShownRun]) -> Panel:
        title = f"({letter}) {self.title}"
        if self.quantity in _LISTS:
            return bands_panel(title, place, self.label, nets, self.quantity)
        curves = [curve(each, self.quantity) for each in nets]
        return log_panel(title, place, self.label, curves, self.levels)


_LISTS = (PAPER_LINE.loss, PAPER_LINE.gradient_change, FIXED_LINE.loss)
_LOSS, _CHANGE = "loss (range)", "L2 distance (range)"
_ALONG_GRADIENT = (
    _AlongGradient("Loss along the gradient", _LOSS, PAPER_LINE.loss),
    _AlongGradient("Change of the gradient", _CHANGE, PAPER_LINE.gradient_change),
    _AlongGradient("Effective β-smoothness", "effective β", PAPER_LINE.effective_beta),
    _AlongGradient(
        "Effective β · learning rate",
        "effective β · lr",
        PAPER_LINE.beta_lr,
        (EDGE_OF_STABILITY,),
    ),
    _AlongGradient("Loss, lr-independent grid", _LOSS, FIXED_LINE.loss),
    _AlongGradient("Effective β, lr-independent grid", "effective β", FIXED_LINE.effective_beta),
)
"""The paper's three, then three that keep them honest."""


def along_gradient(nets: list[ShownRun]) -> Iterator[Panel]:
    """All six panels of the landscape along the gradient, (a) to (f), in two rows."""
    for position, (letter, row) in enumerate(zip("abcdef", _ALONG_GRADIENT, strict=True)):
        yield row.panel(letter, Place(*divmod(position, 3)), nets)


def training_and_along_gradient(family: str, nets: list[ShownRun]) -> Iterator[Panel]:
    """Training as (a), then the paper's three panels of the landscape, in a square."""
    yield training_panel(f"(a) Training {TRAINED[family]}", Place(0, 0), family, nets)
    for position, (letter, row) in enumerate(zip("bcd", _ALONG_GRADIENT, strict=False), 1):
        yield row.panel(letter, Place(*divmod(position, 2)), nets)


def over_step_sizes(nets: list[ShownRun], quantity: Quantity, label: str) -> Iterator[LinesPanel]:
    """A reading against the step size tried, a line for each measurement; one panel a run.

    Args:
        nets: The runs, which share their axes.
        quantity: A quantity that is a list over step sizes.
        label: Of the y axis.

    Raises:
        RecordError: A run has no such readings, or they do not say their step sizes.
    """
    drawn = [_over_step_sizes(each, quantity) for each in nets]
    every = [line for lines in drawn for line in lines]
    y, notes = log_axis(label, [np.array(line.y) for line in every])
    etas = [eta for line in every for eta in line.x]
    x = PlotAxis("step size η", Scale.LOG, min(etas) / 1.15, max(etas) * 1.15)
    bar = ColourBar("step", 0.0, max(line.shade or 0.0 for line in every))
    for column, (letter, each, lines) in enumerate(zip("ab", nets, drawn, strict=True)):
        title, place = f"({letter}) {each.entry.full_label}", Place(0, column)
        shaded = (replace(line, shade=(line.shade or 0.0) / (bar.high or 1.0)) for line in lines)
        yield LinesPanel(title, place, x, y, tuple(shaded), colour_bar=bar, notes=notes)


def _over_step_sizes(net: ShownRun, quantity: Quantity) -> list[Curve]:
    found = net.run.readings(quantity)
    kept = np.unique(np.linspace(0, len(found) - 1, min(len(found), _LINES)).round().astype(int))
    return [_at_one_step(net, found[at]) for at in kept]


def _at_one_step(net: ShownRun, reading: Reading) -> Curve:
    if reading.axis is None:
        raise RecordError(
            f"{reading.quantity} of run {net.run.id} at step {reading.step}",
            "a reading along a line says its step sizes",
            "run the study again with this version of landscope",
        )
    values = np.asarray(reading.value, dtype=np.float64)
    y = tuple(float(value) if math.isfinite(value) else math.nan for value in values)
    step = reading.step
    return Curve(net.entry, reading.axis.values, y, shade=float(step), name=f"step {step}")


def _layer(run: RunRecords, number: int) -> NumberedLayer:
    if not 1 <= number <= len(run.layers):
        raise RecordError(
            f"layer {number!r} of run {run.id}",
            f"layers are counted from 1 to {len(run.layers)} in the order of execution",
            "correct the layers of the preset",
        )
    return NumberedLayer(number, run.layers[number - 1])
