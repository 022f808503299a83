"""Where panels are on paper: a grid of cells in inches, with space for what each panel writes.

Computed here rather than by a layout engine, so that axes line up over the whole figure and a
figure of twenty panels is drawn in a second.
"""

import textwrap
from dataclasses import dataclass
from functools import cached_property

from landscope.figures.spec import BandsPanel, BarsPanel, FigureSpec, LinesPanel, Panel, RidgesPanel

WIDTH = 12.0
"""Of every figure of a study, in inches; `FigureSpec.row_height` is in the same unit."""

KEY_POINTS = 10.5
"""Height of a line of a panel's key."""

_HEAD, _HEAD_LINE, _LEGEND_LINE, _FOOT = 0.34, 0.19, 0.26, 0.06
_LEFT, _RIGHT = {LinesPanel: 0.7, BandsPanel: 0.7, RidgesPanel: 0.52, BarsPanel: 1.35}, 0.12
"""For the labels at the left; those of ridges are short, and bars are named there."""
_BOTTOM_WITH_LABEL, _BOTTOM = 0.46, 0.3
_TITLE_LINE, _NOTE_LINE, _KEY_LINE, _ABOVE = 0.155, 0.128, KEY_POINTS / 72, 0.06
_BAR = 0.75
_HEAD_LETTERS, _TITLE_LETTERS, _NOTE_LETTERS, _KEY_LETTERS = 9.5, 13.0, 18.0, 14.0
"""That fit into an inch, at their sizes."""
_KEY_DASH = 0.55
"""Space for the dash before each label of a key, and for the gap behind it."""
_IN_A_LINE = 5
"""Labels that fit beside each other in the legend."""

Rectangle = tuple[float, float, float, float]
"""Left, bottom, width and height, as shares of the figure."""


@dataclass(frozen=True)
class FigureLayout:
    """The layout of one figure, ``width`` inches wide."""

    spec: FigureSpec
    width: float = WIDTH

    @cached_property
    def height(self) -> float:
        """Of the figure, in inches."""
        return self._head + self.spec.rows * self.spec.row_height + self._foot

    @cached_property
    def heading(self) -> list[str]:
        """The lines of the figure's title."""
        return textwrap.wrap(self.spec.heading, int(self.width * _HEAD_LETTERS))

    @property
    def legend_columns(self) -> int:
        """Labels in each line of the legend."""
        labels = len(self.spec.legend)
        return labels if labels <= _IN_A_LINE else -(-labels // 2)

    @cached_property
    def has_bar(self) -> bool:
        """Whether there is a colour bar at the right."""
        panels = self.spec.panels
        return any(isinstance(panel, LinesPanel) and panel.colour_bar for panel in panels)

    def title(self, panel: Panel) -> list[str]:
        """The lines of a panel's title."""
        return textwrap.wrap(panel.title, int(self._space(panel) * _TITLE_LETTERS))

    def notes(self, panel: Panel) -> list[str]:
        """The lines of a panel's notes."""
        return textwrap.wrap("; ".join(panel.notes), int(self._space(panel) * _NOTE_LETTERS))

    def key_columns(self, panel: Panel) -> int:
        """Labels beside each other in a panel's own key; 0 where it has none."""
        if not isinstance(panel, LinesPanel) or not panel.key:
            return 0
        longest = max(len(entry.label) for entry in panel.key) / _KEY_LETTERS + _KEY_DASH
        return min(len(panel.key), max(1, int(self._space(panel) / longest)))

    def key_lines(self, panel: Panel) -> int:
        """The lines of a panel's own key."""
        columns = self.key_columns(panel)
        return -(-len(panel.key) // columns) if isinstance(panel, LinesPanel) and columns else 0

    def has_x_label(self, panel: Panel) -> bool:
        """Whether the panel says what its x is: not where the one below says it."""
        below = (panel.place.row + panel.place.rows, panel.place.column)
        return not any((other.place.row, other.place.column) == below for other in self.spec.panels)

    def axes(self, panel: Panel) -> Rectangle:
        """Where the panel's axes are."""
        place = panel.place
        margin = _LEFT[type(panel)]
        left = place.column * self._cell + margin
        width = place.columns * self._cell - margin - _RIGHT
        above = max(self._above(other) for other in self._row(place.row))
        last = place.row + place.rows
        below = _BOTTOM_WITH_LABEL if self.has_x_label(panel) else _BOTTOM
        bottom = self.height - self._head - last * self.spec.row_height + below
        height = place.rows * self.spec.row_height - above - below
        return left / self.width, bottom / self.height, width / self.width, height / self.height

    def bar(self) -> Rectangle:
        """Where the colour bar is: beside the first row."""
        _, bottom, _, height = self.axes(self.spec.panels[0])
        return (self.width - _BAR + 0.05) / self.width, bottom, 0.16 / self.width, height

    @cached_property
    def _cell(self) -> float:
        return (self.width - _BAR * self.has_bar) / self.spec.columns

    @property
    def _head(self) -> float:
        return _HEAD + _HEAD_LINE * (len(self.heading) - 1)

    @property
    def _foot(self) -> float:
        labels = len(self.spec.legend)
        lines = -(-labels // self.legend_columns) if labels else 0
        return _FOOT + lines * _LEGEND_LINE

    def _space(self, panel: Panel) -> float:
        return panel.place.columns * self._cell - _LEFT[type(panel)]

    def _above(self, panel: Panel) -> float:
        lines = len(self.title(panel)) * _TITLE_LINE + len(self.notes(panel)) * _NOTE_LINE
        return _ABOVE + lines + self.key_lines(panel) * _KEY_LINE

    def _row(self, row: int) -> list[Panel]:
        return [panel for panel in self.spec.panels if panel.place.row == row]
