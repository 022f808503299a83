"""The change of the gradient against the step size tried, one line for each look: Figure 11."""

import math
from dataclasses import replace

import numpy as np

from landscope.errors import RecordError
from landscope.figures.axes import ETA, log_axis
from landscope.figures.selection import Net
from landscope.figures.spec import ColourBar, Curve, LinesPanel, Place
from landscope.reading import Reading

_LOOKS = 30
"""More lines than this cannot be told apart."""


def eta_panels(nets: list[Net], quantity: str, label: str) -> tuple[LinesPanel, ...]:
    """One panel a run, side by side, on common axes.

    Args:
        nets: The runs.
        quantity: A reading of ``line[paper]`` that is a list over eta.
        label: Of the y axis.

    Raises:
        RecordError: A run has no such readings, or they do not say their step sizes.
    """
    drawn = [_curves(each, quantity) for each in nets]
    every = [line for lines in drawn for line in lines]
    axis, notes = log_axis(label, [np.array(line.y) for line in every])
    etas = [eta for line in every for eta in line.x]
    x = replace(ETA, low=min(etas) / 1.15, high=max(etas) * 1.15)
    bar = ColourBar("step", 0.0, max(line.shade or 0.0 for line in every))
    return tuple(
        LinesPanel(
            f"({letter}) {each.entry.full_label}",
            Place(0, column),
            x,
            axis,
            tuple(replace(line, shade=(line.shade or 0.0) / (bar.high or 1.0)) for line in lines),
            (),
            bar,
            notes,
        )
        for column, (letter, each, lines) in enumerate(zip("ab", nets, drawn, strict=True))
    )


def _curves(net: Net, quantity: str) -> list[Curve]:
    looks = net.run.readings("line[paper]", quantity)
    kept = np.unique(np.linspace(0, len(looks) - 1, min(len(looks), _LOOKS)).round().astype(int))
    return [_curve(net, looks[at]) for at in kept]


def _curve(net: Net, look: Reading) -> Curve:
    if look.axis is None:
        raise RecordError(
            f"{look.quantity} of run {net.run.id} at step {look.step}",
            "a reading along a line says its step sizes",
            "run the study again with this version of landscope",
        )
    values = np.asarray(look.value, dtype=np.float64)
    etas = look.axis.values
    y = tuple(float(value) if math.isfinite(value) else math.nan for value in values)
    return Curve(net.entry, etas, y, (), float(look.step), f"step {look.step}")
