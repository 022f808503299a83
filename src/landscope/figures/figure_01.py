"""Figure 1: batch norm and training, at two step sizes, and what it does to the activations."""

from landscope.figures.axes import percent_axis
from landscope.figures.curves import accuracy_panel, panel_on, share
from landscope.figures.ridges import ridges_grid
from landscope.figures.selection import find_net_at
from landscope.figures.spec import FigureSpec, Place
from landscope.runs import StudyRecords


def data(study: StudyRecords) -> FigureSpec:
    """Accuracy of the VGG with and without batch norm; histograms of two layers' activations.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = [find_net_at(study, "vgg", norm, lr) for lr in (0.1, 0.5) for norm in ("none", "batch")]
    test = panel_on(
        "(b) Test accuracy",
        Place(0, 2, rows=2, columns=2),
        percent_axis("test accuracy"),
        [share(net, "test_accuracy") for net in nets],
    )
    return FigureSpec(
        1,
        "Batch norm and the training of a VGG",
        "How much faster do the accuracies rise with batch norm, and who survives the larger step "
        "size? In (c), do the distributions look any steadier with it? "
        "Each histogram is drawn equally high.",
        (
            accuracy_panel("(a) Training accuracy", Place(0, 0, rows=2, columns=2), nets),
            test,
            *ridges_grid("(c)", 4, study, nets[:2], "figure_1"),
        ),
        row_height=2.1,
    )
