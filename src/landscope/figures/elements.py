"""What panels are made of: axes, the look of a run, curves, bands, ridges, bars and marks.

Numbers are plain floats; a gap in a curve is NaN.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scale(StrEnum):
    """How an axis spaces its values."""

    LINEAR = "linear"
    LOG = "log"


class Dash(StrEnum):
    """The pattern of a line."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"
    DASH_DOT = "dash-dot"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its label with the unit, its scale, and limits where the data should not choose.

    Where the data has few values along it, as learning rates, these are its ticks.
    """

    label: str
    scale: Scale = Scale.LINEAR
    low: float | None = None
    high: float | None = None
    ticks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a run broke off, and what happened, as in "diverged at step 12"."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One run as it appears in a figure: the same colour, dash and label in every panel.

    Args:
        label: What the legend says; it switches all that carries this label.
        norm: Chooses the colour, see `style`; of a run with several lines, which of them.
        family: Which of the paper's two set-ups, as a reader calls it.
        dash: The pattern of its lines.
        ending: Set when the run did not reach its last step.
    """

    label: str
    norm: str
    family: str
    dash: Dash = Dash.SOLID
    ending: Ending | None = None

    @property
    def full_label(self) -> str:
        """The label, with the ending where there is one."""
        return self.label if self.ending is None else f"{self.label} ({self.ending.text})"


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A line of the legend: the runs of one label, and how those that broke off did so."""

    label: str
    norm: str
    dash: Dash
    endings: tuple[str, ...]

    @property
    def full_label(self) -> str:
        """The label, with the endings where there are any."""
        return f"{self.label} ({'; '.join(self.endings)})" if self.endings else self.label


@dataclass(frozen=True, slots=True)
class Place:
    """A panel's place in the figure's grid, counted from 0 at the top left."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Curve:
    """One line. ``raw``, where given, is drawn faintly beneath it, at the same ``x``.

    ``shade`` in [0, 1] takes the colour from the panel's colour bar instead of the entry.
    """

    entry: Entry
    x: tuple[float, ...]
    y: tuple[float, ...]
    raw: tuple[float, ...] = ()
    shade: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """The region between two curves."""

    entry: Entry
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ridge:
    """The distribution at one step: ``len(density) + 1 == len(edges)``."""

    step: int
    edges: tuple[float, ...]
    density: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line that readings are compared with, as the edge of stability at 2."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class ColourBar:
    """What the colour of a curve stands for, where it is not the run."""

    label: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A cross where one of several runs under a curve broke off, and what happened to it."""

    entry: Entry
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One value with its range, as over seeds; ``missing`` stands where it is NaN."""

    entry: Entry
    value: float
    low: float
    high: float
    missing: str = "not measured"
