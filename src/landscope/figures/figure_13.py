"""Figure 13: training and landscape of the deep linear net under every norm of the paper."""

from landscope.figures.curves import loss_panel
from landscope.figures.landscape_panels import landscape_square
from landscope.figures.norms import LP_NORMS
from landscope.figures.selection import find_nets
from landscope.figures.spec import FigureSpec, Place
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Training loss and the three plots of the landscape along the gradient.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "dln", LP_NORMS)
    training = loss_panel("(a) Training loss", Place(0, 0), nets)
    return FigureSpec(
        13,
        "The landscape under each norm, deep linear net",
        "The same comparison without any non-linearity: is every norm's landscape smoother than "
        "the standard net's?",
        landscape_square(training, nets),
        row_height=3.2,
    )
