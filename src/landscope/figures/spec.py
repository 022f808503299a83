"""What a figure shows, without how it is drawn: panels of curves, bands, ridges and bars.

Both drawings (`static`, `interactive`) read these and nothing else. Numbers are plain floats; a gap
in a curve is NaN.
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
class PlotAxis:
    """One axis: its label with the unit, its scale, and limits where the data should not choose.

    Where the data has few values along it, as learning rates, these are its ticks.
    """

    label: str
    scale: Scale = Scale.LINEAR
    low: float | None = None
    high: float | None = None
    ticks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlyEnd:
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
    ending: EarlyEnd | None = None

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
class Bar:
    """One value with its range, as over seeds; ``missing`` says why where it is NaN."""

    entry: Entry
    value: float
    low: float
    high: float
    missing: str = "not measured"


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line that readings are compared with, as the edge of stability at 2."""

    value: float
    label: str


EDGE_OF_STABILITY = Level(2.0, "2, the edge of stability")
"""Where gradient descent on a quadratic stops descending: curvature times learning rate."""


@dataclass(frozen=True, slots=True)
class ColourBar:
    """What the colour of a curve means, where it is not the run."""

    label: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cross:
    """A cross where one of several runs under a curve broke off, and what happened to it."""

    entry: Entry
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class LinesPanel:
    """Curves over a common x, each perhaps with a band behind it and crosses on it.

    ``keyed`` panels name their curves themselves, the others leave it to the figure's legend.
    """

    title: str
    place: Place
    x: PlotAxis
    y: PlotAxis
    curves: tuple[Curve, ...]
    levels: tuple[Level, ...] = ()
    colour_bar: ColourBar | None = None
    notes: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()
    crosses: tuple[Cross, ...] = ()
    keyed: bool = False

    @property
    def shown(self) -> tuple[Entry, ...]:
        """The run of each curve."""
        return tuple(curve.entry for curve in self.curves)

    @property
    def key(self) -> tuple[Entry, ...]:
        """The curves that the panel names itself; a single one is named by the title."""
        return self.shown if self.keyed and len(self.curves) > 1 else ()


@dataclass(frozen=True, slots=True)
class BandsPanel:
    """Filled bands over a common x."""

    title: str
    place: Place
    x: PlotAxis
    y: PlotAxis
    bands: tuple[Band, ...]
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Entry, ...]:
        """The run of each band."""
        return tuple(band.entry for band in self.bands)


@dataclass(frozen=True, slots=True)
class RidgesPanel:
    """Distributions over training, by step, the oldest at the back (top), the newest in front.

    Each is drawn equally high: where one is a hundred times as wide as another, densities on a
    common scale would hide one of the two.
    """

    title: str
    place: Place
    entry: Entry
    x: PlotAxis
    ridges: tuple[Ridge, ...]
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Entry, ...]:
        """The one run."""
        return (self.entry,)


@dataclass(frozen=True, slots=True)
class BarsPanel:
    """Horizontal bars beneath each other, the first at the top, named at the left."""

    title: str
    place: Place
    x: PlotAxis
    bars: tuple[Bar, ...]
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Entry, ...]:
        """The run of each bar."""
        return tuple(bar.entry for bar in self.bars)


Panel = LinesPanel | BandsPanel | RidgesPanel | BarsPanel


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """One figure.

    Args:
        number: Its number, in the paper where it is one of the paper's; 0 where it has none.
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
    def heading(self) -> str:
        """The title, after the number where there is one."""
        return f"Figure {self.number}. {self.title}" if self.number else self.title

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
        """Each label that only its colour and dash name, once, in order of appearance."""
        unnamed = [panel for panel in self.panels if _needs_legend(panel)]
        entries = list(dict.fromkeys(entry for panel in unnamed for entry in panel.shown))
        labels = dict.fromkeys(entry.label for entry in entries)
        return tuple(_item([entry for entry in entries if entry.label == one]) for one in labels)

    @property
    def description(self) -> str:
        """The figure in a sentence or two, for those who cannot see it."""
        names = dict.fromkeys(entry.full_label for panel in self.panels for entry in panel.shown)
        return (
            f"Figure {self.number}: {self.title}. {len(self.panels)} panels: "
            f"{'; '.join(panel.title for panel in self.panels)}. Nets: {', '.join(names)}."
        )


def _needs_legend(panel: Panel) -> bool:
    """Whether a panel leaves it to the legend to name its runs; titles and keys name the others."""
    if isinstance(panel, LinesPanel):
        return panel.colour_bar is None and not panel.keyed
    return isinstance(panel, BandsPanel)


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
