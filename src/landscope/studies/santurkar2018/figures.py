"""The figures of the paper, a row for each: what it asks, and its panels from the records."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from landscope.figures.axes import percent_axis
from landscope.figures.curves import ShownRun, accuracy_panel, curve, log_panel, panel_on, share
from landscope.figures.spec import Curve, FigureSpec, Panel, Place, PlotAxis
from landscope.quantities import COVARIATE_SHIFT, DISTRIBUTION, PAPER_LINE, TRAINING, Quantity
from landscope.runs import StudyRecords
from landscope.studies.santurkar2018.figure_panels import (
    PAPER_LR,
    TRAINED,
    NumberedLayer,
    along_gradient,
    find_net,
    find_nets,
    layers,
    over_step_sizes,
    ridges_grid,
    training_and_along_gradient,
    training_panel,
)
from landscope.text import lr_text

_TWO = ("none", "batch")
_NOISY = ("none", "batch", "noisy-batch")
_EACH = ("none", "batch", "l1", "l2", "linf")
_COSINE = PlotAxis("cosine", low=-1.08, high=1.08)

_EQUALLY_HIGH = "Each histogram is drawn equally high."
_TRUST = (
    "Narrower and lower bands mean that the gradient can be trusted farther. In (d), 2 is the "
    "edge of stability; (e) and (f) try step sizes that do not depend on the learning rate."
)


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """One figure of the paper.

    Args:
        number: Its number there.
        title: What is measured.
        caption: What to look for.
        row_height: Of its grid, see `FigureSpec`.
        panels: From the records of a study; raises RecordError where a run or a reading is missing.
    """

    number: int
    title: str
    caption: str
    row_height: float
    panels: Callable[[StudyRecords], Iterable[Panel]]

    def __call__(self, study: StudyRecords) -> FigureSpec:
        """The figure of a study; raises RecordError where a run or a reading is missing."""
        panels = tuple(self.panels(study))
        return FigureSpec(self.number, self.title, self.caption, panels, self.row_height)


def _training_at_two_rates(study: StudyRecords) -> Iterator[Panel]:
    """Figure 1: accuracies of the VGG; histograms of two layers at the paper's step size."""
    nets = [net for lr in (0.1, 0.5) for net in find_nets(study, "vgg", _TWO, lr)]
    yield accuracy_panel("(a) Training accuracy", Place(0, 0, rows=2, columns=2), nets)
    yield panel_on(
        "(b) Test accuracy",
        Place(0, 2, rows=2, columns=2),
        percent_axis("test accuracy"),
        [share(net, TRAINING.test_accuracy) for net in nets],
    )
    yield from ridges_grid(study, "vgg", nets[:2], "figure_1", letter="(c)", column=4)


def _noise(study: StudyRecords) -> Iterator[Panel]:
    """Figure 2: training and histograms of the standard, the batch norm and the noisy VGG.

    The same noise without a norm joins the accuracies where the study has that run: the paper
    claims, without a figure, that it stops training.
    """
    nets = find_nets(study, "vgg", _NOISY)
    trained = list(nets)
    if study.has(family="vgg", norm="noise", lr=PAPER_LR["vgg"]):
        trained.append(find_net(study, "vgg", "noise"))
    yield accuracy_panel("Training accuracy", Place(0, 0, rows=3, columns=3), trained)
    yield from ridges_grid(study, "vgg", nets, "figure_2", column=3)


def _covariate_shift(study: StudyRecords) -> Iterator[Panel]:
    """Figure 3: training, and each layer's shift (Definition 2.1), at two step sizes a family."""
    for row, letter, family, name, lr in (
        (0, "(a)", "vgg", "VGG", 0.1),
        (2, "(a)", "vgg", "VGG", 0.01),
        (4, "(b)", "dln", "Linear net", 1e-6),
        (6, "(b)", "dln", "Linear net", 1e-7),
    ):
        nets = find_nets(study, family, _TWO, lr)
        title = f"{letter} {name}, lr {lr_text(lr)}: {TRAINED[family]}"
        yield training_panel(title, Place(row, 0, rows=2), family, nets)
        shown = list(enumerate(layers(study, nets[0].run, family, "figure_3"), 1))
        for column, layer in shown:
            drawn = [curve(net, COVARIATE_SHIFT.shift_l2, layer.name) for net in nets]
            title = f"Layer {layer.number}: distance"
            yield log_panel(title, Place(row, column), "L2 distance", drawn)
        for column, layer in shown:
            drawn = [curve(net, COVARIATE_SHIFT.shift_cosine, layer.name) for net in nets]
            title = f"Layer {layer.number}: cosine"
            yield panel_on(title, Place(row + 1, column), _COSINE, drawn)


def _training_of_each_norm(study: StudyRecords) -> Iterator[Panel]:
    for column, (family, title) in enumerate((("vgg", "(a) VGG"), ("dln", "(b) Deep linear net"))):
        nets = find_nets(study, family, _EACH)
        yield training_panel(title, Place(0, column), family, nets)


_SINCE_START = (
    DISTRIBUTION.input_mean_change_since_start,
    DISTRIBUTION.input_variance_change_since_start,
)


def _input_drift(study: StudyRecords) -> Iterator[Panel]:
    """Figure 8: how far each layer's inputs move between steps and since the start."""
    nets = find_nets(study, "vgg", _NOISY)
    shown = layers(study, nets[0].run, "vgg", "figure_2")
    rows = (
        ("(a) mean, step to step", DISTRIBUTION.input_mean_change),
        ("(a) variance, step to step", DISTRIBUTION.input_variance_change),
        ("(b) mean, since step 0", DISTRIBUTION.input_mean_change_since_start),
        ("(b) variance, since step 0", DISTRIBUTION.input_variance_change_since_start),
        ("(c) Wasserstein-1 over std", DISTRIBUTION.input_wasserstein_relative),
    )
    for row, (title, quantity) in enumerate(rows):
        relative = quantity == DISTRIBUTION.input_wasserstein_relative
        label = "distance / std" if relative else "rms change"
        for column, layer in enumerate(shown):
            drawn = [_change(net, quantity, layer) for net in nets]
            name = f"{title}, layer {layer.number}"
            yield log_panel(name, Place(row, column), label, drawn)


def _change(net: ShownRun, quantity: Quantity, layer: NumberedLayer) -> Curve:
    """The quantity by step; since the start, the 0 at step 0 says nothing and is left out."""
    line = curve(net, quantity, layer.name)
    if quantity in _SINCE_START and line.x and line.x[0] == 0:
        return replace(line, x=line.x[1:], y=line.y[1:])
    return line


_ROWS = (
    PaperFigure(
        1,
        "Batch norm and the training of a VGG",
        "How much faster do the accuracies rise with batch norm, and who survives the larger step "
        "size? In (c), do the distributions look any steadier with it? " + _EQUALLY_HIGH,
        2.1,
        _training_at_two_rates,
    ),
    PaperFigure(
        2,
        "Noise that shifts the distributions, and training",
        "Noisy batch norm redraws each layer's distribution at every step. Do its histograms move "
        "more than the standard net's, and does it still train about as fast as batch norm? "
        + _EQUALLY_HIGH,
        1.9,
        _noise,
    ),
    PaperFigure(
        3,
        "Internal covariate shift",
        "How far a layer's gradient moves when the layers before it take their step. If batch norm "
        "reduced the shift, its distance would lie lower and its cosine nearer to 1.",
        1.5,
        _covariate_shift,
    ),
    PaperFigure(
        4,
        "The landscape along the gradient, the VGG",
        _TRUST,
        2.9,
        lambda study: along_gradient(find_nets(study, "vgg", _TWO)),
    ),
    PaperFigure(
        5,
        "Other norms train as well",
        "The L1, L2 and L∞ norms do not give layers a fixed mean and variance. Do they still speed "
        "training up as batch norm does?",
        4.0,
        _training_of_each_norm,
    ),
    PaperFigure(
        6,
        "Activations under the other norms",
        "Only batch norm fixes mean and variance. How far do the others let the distribution "
        "drift? Compare with how well they train in Figure 5. " + _EQUALLY_HIGH,
        2.9,
        lambda study: ridges_grid(
            study, "vgg", find_nets(study, "vgg", _EACH), "figure_6", upright=True
        ),
    ),
    PaperFigure(
        8,
        "How much the inputs' distributions move",
        "If batch norm worked by holding distributions still, its curves would lie lowest, and "
        "noisy batch norm, whose curves should lie highest, would not train.",
        1.9,
        _input_drift,
    ),
    PaperFigure(
        9,
        "Activations of the deep linear net",
        "In a net without non-linearities, do the distributions move less with batch norm? "
        "Mind the different scales of the axes. " + _EQUALLY_HIGH,
        2.5,
        lambda study: ridges_grid(study, "dln", find_nets(study, "dln", _TWO), "figure_9"),
    ),
    PaperFigure(
        10,
        "The landscape along the gradient, the deep linear net",
        _TRUST,
        2.9,
        lambda study: along_gradient(find_nets(study, "dln", _TWO)),
    ),
    PaperFigure(
        11,
        "Change of the gradient by step size",
        "Lower and flatter lines mean that the gradient stays true for larger steps. Does the gap "
        "between the two nets open only beyond the step that training takes (lr 0.1)?",
        3.8,
        lambda study: over_step_sizes(
            find_nets(study, "vgg", _TWO),
            PAPER_LINE.gradient_change,
            "L2 distance of the gradients",
        ),
    ),
    PaperFigure(
        12,
        "The landscape under each norm, VGG",
        "Do the L1, L2 and L∞ norms smooth the landscape as batch norm does, without fixing the "
        "distributions?",
        3.2,
        lambda study: training_and_along_gradient("vgg", find_nets(study, "vgg", _EACH)),
    ),
    PaperFigure(
        13,
        "The landscape under each norm, deep linear net",
        "The same comparison without any non-linearity: is every norm's landscape smoother than "
        "the standard net's?",
        3.2,
        lambda study: training_and_along_gradient("dln", find_nets(study, "dln", _EACH)),
    ),
)

FIGURES: Mapping[int, PaperFigure] = MappingProxyType({row.number: row for row in _ROWS})
"""By number; the paper's Figure 7 repeats Figure 2's histograms for more layers."""
