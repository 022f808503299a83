"""One run in a figure: what was measured at its steps, in a panel for each kind of reading."""

import math
from collections.abc import Iterable
from dataclasses import replace

from landscope.errors import RecordError, UsageError
from landscope.figures.run_panels import panels_of
from landscope.figures.run_series import RunSeries
from landscope.figures.spec import FigureSpec, Place
from landscope.figures.static import Drawing, drawing
from landscope.reading import Reading

WIDTH = 12.0
"""In inches, unless another is asked for."""

_PANEL = 3.2  # inches at least, as its title and its labels need them
_ROW = 2.7  # inches


def run_figure(readings: Iterable[Reading], title: str, width: float = WIDTH) -> Drawing:
    """Small multiples of one run over its steps; only of what was read.

    Readings that are not finite, or whose status says that they are not to be believed, are gaps
    in the lines, with crosses beneath.

    Args:
        readings: All of the run, in any order.
        title: What stands above it.
        width: Inches; the panels stand in as many columns as fit.

    Returns:
        A matplotlib ``Figure`` that needs no display and no pyplot.

    Raises:
        UsageError: The width is too small for a panel, or no number.
        RecordError: Nothing that it could draw was read.
    """
    if not _PANEL <= width < math.inf:
        raise UsageError(
            f"width = {width}",
            f"a panel needs {_PANEL} inches, and the figure as many as it is given",
            "give 12.0 for a page, or 6.0 for a column",
        )
    return drawing(specify_run(readings, title, int(width / _PANEL)), width)


def specify_run(readings: Iterable[Reading], title: str, columns: int) -> FigureSpec:
    """What the figure of one run shows.

    Args:
        readings: All of the run, in any order.
        title: What stands above it.
        columns: Most panels beside each other; fewer where these fill as many rows.

    Raises:
        RecordError: Nothing that it could draw was read.
    """
    panels = panels_of(RunSeries(readings))
    if not panels:
        raise RecordError(
            title,
            "there is no reading that a figure of a run shows",
            "look at a few steps first; Scope(..., every=1) looks at each",
        )
    rows = -(-len(panels) // columns)
    beside = -(-len(panels) // rows)
    placed = [
        replace(panel, place=Place(*divmod(position, beside)))
        for position, panel in enumerate(panels)
    ]
    return FigureSpec(0, title, "Over the steps of one training.", tuple(placed), row_height=_ROW)
