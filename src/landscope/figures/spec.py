"""What a figure shows, without how it is drawn: panels of curves, bands, ridges and bars.

Both drawings (`static`, `interactive`) read these and nothing else.
"""

from dataclasses import dataclass

from landscope.figures.elements import Axis as Axis
from landscope.figures.elements import Band as Band
from landscope.figures.elements import Bar as Bar
from landscope.figures.elements import ColourBar as ColourBar
from landscope.figures.elements import Curve as Curve
from landscope.figures.elements import Dash as Dash
from landscope.figures.elements import Ending as Ending
from landscope.figures.elements import Entry as Entry
from landscope.figures.elements import LegendItem as LegendItem
from landscope.figures.elements import Level as Level
from landscope.figures.elements import Mark as Mark
from landscope.figures.elements import Place as Place
from landscope.figures.elements import Ridge as Ridge
from landscope.figures.elements import Scale as Scale


@dataclass(frozen=True, slots=True)
class LinesPanel:
    """Curves over a common x, each perhaps with a band behind it and crosses on it.

    ``keyed`` panels name their curves themselves, the others leave it to the figure's legend.
    """

    title: str
    place: Place
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    levels: tuple[Level, ...] = ()
    colour_bar: ColourBar | None = None
    notes: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()
    marks: tuple[Mark, ...] = ()
    keyed: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Whose colours the panel shows; none where they mean something else, or are keyed."""
        hidden = self.colour_bar is not None or self.keyed
        return () if hidden else tuple(curve.entry for curve in self.curves)

    @property
    def key(self) -> tuple[Entry, ...]:
        """The curves that the panel names itself; a single one is named by the title."""
        entries = tuple(curve.entry for curve in self.curves)
        return entries if self.keyed and len(entries) > 1 else ()


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


@dataclass(frozen=True, slots=True)
class BarsPanel:
    """Horizontal bars beneath each other, the first at the top, named at the left."""

    title: str
    place: Place
    x: Axis
    bars: tuple[Bar, ...]
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """None: each bar is named beside it."""
        return ()


Panel = LinesPanel | BandsPanel | RidgesPanel | BarsPanel


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """One figure.

    Args:
        number: Its number, in the paper where it is one of the paper's; 0 where it stands alone.
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
        case BarsPanel():
            return tuple(bar.entry for bar in panel.bars)
