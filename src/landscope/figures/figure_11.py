"""Figure 11: how the gradient changes with the size of the step tried."""

from landscope.figures.eta_panels import eta_panels
from landscope.figures.selection import find_nets
from landscope.figures.spec import FigureSpec
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """The l2 distance of the gradient at the weights and at a step of eta, a line for each look.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "vgg", ("none", "batch"))
    return FigureSpec(
        11,
        "Change of the gradient by step size",
        "Lower and flatter lines mean that the gradient stays true for larger steps. Does the gap "
        "between the two nets open only beyond the step that training takes (lr 0.1)?",
        eta_panels(nets, "gradient_change", "L2 distance of the gradients"),
        row_height=3.8,
    )
