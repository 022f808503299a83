"""Figure 6: the distribution of a layer's activation under each of the norms."""

from landscope.figures.norms import LP_NORMS
from landscope.figures.ridges import ridges_panel
from landscope.figures.selection import find_nets, layers
from landscope.figures.spec import FigureSpec, Place
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Histograms over training of one activation of the VGG, for each norm.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "vgg", LP_NORMS)
    panels = [
        ridges_panel("", Place(row, column), net, layer)
        for column, net in enumerate(nets)
        for row, layer in enumerate(layers(study, net.run, "vgg", "figure_6"))
    ]
    return FigureSpec(
        6,
        "Activations under the other norms",
        "Only batch norm fixes mean and variance. How far do the others let the distribution "
        "drift? Compare with how well they train in Figure 5. "
        "Each histogram is drawn equally high.",
        tuple(panels),
        row_height=2.9,
    )
