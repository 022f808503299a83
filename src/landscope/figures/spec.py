"""What a figure shows, without how it is drawn: panels of curves, of bands and of ridges.

Numbers are plain floats; a gap in a curve is NaN. Both drawings (`static`, `interactive`) read
these and nothing else.
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
    """One axis: its label with the unit, its scale, and limits where the data should not choose."""

    label: str
    scale: Scale = Scale.LINEAR
    low: float | None = None
    high: float | None = None


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
        norm: Chooses the colour, see `style`.
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
class LinesPanel:
    """Curves over a common x."""

    title: str
    place: Place
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    levels: tuple[Level, ...] = ()
    colour_bar: ColourBar | None = None
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Whose colours the panel shows; none where the colour stands for something else."""
        return () if self.colour_bar else tuple(curve.entry for curve in self.curves)


@dataclass(frozen=True, slots=True)
class BandsPanel:
    """Filled bands over a common x."""

    title: str
    place: Place
    x: Axis
    y: Axis
    bands: tuple[Band, ...]
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Whose colours the panel shows."""
        return tuple(band.entry for band in self.bands)


@dataclass(frozen=True, slots=True)
class RidgesPanel:
    """Distributions over training, the oldest at the back (top), the newest in front (bottom).

    Each is drawn equally high: where one is a hundred times as wide as another, densities on a
    common scale would hide one of the two.

    Args:
        title: The net and the layer.
        place: Where in the figure.
        entry: The run.
        x: The axis of the activations, with limits.
        ridges: One for each look, by step.
        notes: What a reader must know to not be misled.
    """

    title: str
    place: Place
    entry: Entry
    x: Axis
    ridges: tuple[Ridge, ...]
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """None: the title names the net."""
        return ()


Panel = LinesPanel | BandsPanel | RidgesPanel


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """One figure of the paper.

    Args:
        number: Its number in the paper.
        title: What is measured.
        caption: One line on what to look for.
        panels: In reading order.
        row_height: Height of one row of the grid, in twelfths of the figure's width.
    """

    number: int
    title: str
    caption: str
    panels: tuple[Panel, ...]
    row_height: float = 2.4

    @property
    def rows(self) -> int:
        """How many rows the grid has."""
        return max(panel.place.row + panel.place.rows for panel in self.panels)

    @property
    def columns(self) -> int:
        """How many columns the grid has."""
        return max(panel.place.column + panel.place.columns for panel in self.panels)

    @property
    def legend(self) -> tuple[LegendItem, ...]:
        """Each label that is told by its colour, once, in order of appearance."""
        entries = list(dict.fromkeys(each for panel in self.panels for each in panel.entries))
        labels = dict.fromkeys(entry.label for entry in entries)
        return tuple(_item([entry for entry in entries if entry.label == one]) for one in labels)

    @property
    def description(self) -> str:
        """The figure in a sentence or two, for those who cannot see it."""
        names = dict.fromkeys(
            entry.full_label for panel in self.panels for entry in (panel.entries or _owners(panel))
        )
        return (
            f"Figure {self.number}: {self.title}. {len(self.panels)} panels: "
            f"{'; '.join(panel.title for panel in self.panels)}. Nets: {', '.join(names)}."
        )


def _item(entries: list[Entry]) -> LegendItem:
    """The legend's line for the runs of one label; where they are of two families it says whose."""
    several = len({entry.family for entry in entries}) > 1
    endings = [
        f"{entry.family} {entry.ending.text}" if several else entry.ending.text
        for entry in entries
        if entry.ending is not None
    ]
    first = entries[0]
    return LegendItem(first.label, first.norm, first.dash, tuple(endings))


def _owners(panel: Panel) -> tuple[Entry, ...]:
    match panel:
        case RidgesPanel():
            return (panel.entry,)
        case LinesPanel():
            return tuple(dict.fromkeys(curve.entry for curve in panel.curves))
        case BandsPanel():
            return panel.entries
