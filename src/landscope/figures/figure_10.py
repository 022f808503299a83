"""Figure 10: Figure 4 for the deep linear net."""

from landscope.figures.landscape_panels import landscape_panels
from landscope.figures.selection import find_nets
from landscope.figures.spec import FigureSpec
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Bands of loss and gradient, effective beta, and the same free of the learning rate.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "dln", ("none", "batch"))
    return FigureSpec(
        10,
        "The landscape along the gradient, the deep linear net",
        "Narrower and lower bands mean that the gradient can be trusted farther. In (d), 2 is the "
        "edge of stability; (e) and (f) try step sizes that do not depend on the learning rate.",
        landscape_panels(nets),
        row_height=2.9,
    )
