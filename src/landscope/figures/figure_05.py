"""Figure 5: training with norms that do not control the mean and the variance."""

from landscope.figures.curves import accuracy_panel, loss_panel
from landscope.figures.norms import LP_NORMS
from landscope.figures.selection import find_nets
from landscope.figures.spec import FigureSpec, Place
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Training of the VGG and of the deep linear net with the L1, L2 and L-infinity norms.

    Raises:
        RecordError: A run or a reading is missing.
    """
    return FigureSpec(
        5,
        "Other norms train as well",
        "The L1, L2 and L∞ norms do not give layers a fixed mean and variance. Do they still speed "
        "training up as batch norm does?",
        (
            accuracy_panel("(a) VGG", Place(0, 0), find_nets(study, "vgg", LP_NORMS)),
            loss_panel("(b) Deep linear net", Place(0, 1), find_nets(study, "dln", LP_NORMS)),
        ),
        row_height=4.0,
    )
