"""Figure 9: the activations' distributions in the deep linear net."""

from landscope.figures.ridges import ridges_grid
from landscope.figures.selection import find_nets
from landscope.figures.spec import FigureSpec
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Histograms over training of one activation of three layers, with and without batch norm.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "dln", ("none", "batch"))
    return FigureSpec(
        9,
        "Activations of the deep linear net",
        "In a net without non-linearities, do the distributions move less with batch norm? "
        "Mind the different scales of the axes. "
        "Each histogram is drawn equally high.",
        tuple(ridges_grid("", 0, study, nets, "figure_9", family="dln")),
        row_height=2.5,
    )
