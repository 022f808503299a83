"""Figure 2: noise after batch norm, training, and the activations' distributions."""

from landscope.figures.curves import accuracy_panel
from landscope.figures.ridges import ridges_grid
from landscope.figures.selection import Net, find_net, find_nets
from landscope.figures.spec import FigureSpec, Place
from landscope.figures.style import PAPER_LR
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Training accuracy and histograms of the standard, the batch norm and the noisy VGG.

    The same noise without a norm joins the accuracies where the study has that run: the paper
    claims, without a figure, that it stops training.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "vgg", ("none", "batch", "noisy-batch"))
    trained = [*nets, *_noise(study)]
    return FigureSpec(
        2,
        "Noise that shifts the distributions, and training",
        "Noisy batch norm redraws each layer's distribution at every step. Do its histograms move "
        "more than the standard net's, and does it still train about as fast as batch norm? "
        "Each histogram is drawn equally high.",
        (
            accuracy_panel("Training accuracy", Place(0, 0, rows=3, columns=3), trained),
            *ridges_grid("", 3, study, nets, "figure_2"),
        ),
        row_height=1.9,
    )


def _noise(study: StudyRecords) -> list[Net]:
    if not study.has(family="vgg", norm="noise", lr=PAPER_LR["vgg"]):
        return []
    return [find_net(study, "vgg", "noise")]
