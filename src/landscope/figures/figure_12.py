"""Figure 12: training and landscape of the VGG under every norm of the paper."""

from landscope.figures.curves import accuracy_panel
from landscope.figures.landscape_panels import landscape_square
from landscope.figures.norms import LP_NORMS
from landscope.figures.selection import find_nets
from landscope.figures.spec import FigureSpec, Place
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Training accuracy and the three plots of the landscape along the gradient.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "vgg", LP_NORMS)
    training = accuracy_panel("(a) Training accuracy", Place(0, 0), nets)
    return FigureSpec(
        12,
        "The landscape under each norm, VGG",
        "Do the L1, L2 and L∞ norms smooth the landscape as batch norm does, without fixing the "
        "distributions?",
        landscape_square(training, nets),
        row_height=3.2,
    )
