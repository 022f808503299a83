"""Figure 8: how much the distribution of a layer's inputs changes during training."""

from dataclasses import replace

from landscope.figures.curves import curve, log_panel
from landscope.figures.selection import Layer, Net, find_nets, layers
from landscope.figures.spec import Curve, FigureSpec, Place
from landscope.runs import StudyRecords

_ROWS = (
    ("(a) mean, step to step", "input_mean_change", "rms change"),
    ("(a) variance, step to step", "input_variance_change", "rms change"),
    ("(b) mean, since step 0", "input_mean_change_since_start", "rms change"),
    ("(b) variance, since step 0", "input_variance_change_since_start", "rms change"),
    ("(c) Wasserstein-1 over std", "input_wasserstein_relative", "distance / std"),
)


def data(study: StudyRecords) -> FigureSpec:
    """Change of mean and variance between steps and since the start, and a distance, by layer.

    Raises:
        RecordError: A run or a reading is missing.
    """
    nets = find_nets(study, "vgg", ("none", "batch", "noisy-batch"))
    shown = layers(study, nets[0].run, "vgg", "figure_2")
    panels = [
        log_panel(
            f"{title}, layer {layer.number}",
            Place(row, column),
            label,
            [_change(net, quantity, layer) for net in nets],
        )
        for row, (title, quantity, label) in enumerate(_ROWS)
        for column, layer in enumerate(shown)
    ]
    return FigureSpec(
        8,
        "How much the inputs' distributions move",
        "If batch norm worked by holding distributions still, its curves would lie lowest, and "
        "noisy batch norm, whose curves should lie highest, would not train.",
        tuple(panels),
        row_height=1.9,
    )


def _change(net: Net, quantity: str, layer: Layer) -> Curve:
    """The quantity by step; since the start, the 0 at step 0 says nothing and is left out."""
    line = curve(net, "distribution", quantity, layer)
    if quantity.endswith("_since_start") and line.x and line.x[0] == 0:
        return replace(line, x=line.x[1:], y=line.y[1:])
    return line
