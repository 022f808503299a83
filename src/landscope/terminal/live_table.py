"""A table in the terminal that follows a training: its last measurements and its latest finding."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from landscope.findings import Finding, find
from landscope.findings.glance import HEADINGS, Glances
from landscope.quantities import SCOPE
from landscope.reading import Reading
from landscope.terminal.findings import STYLES, measurements_table, plain
from landscope.text import counted

_SHOWN = 8  # measurements
_PATIENCE = (
    20.0  # multiple of the drawing time to wait: drawing takes at most a twentieth of the time
)
_LEAST_WAIT = 0.1  # seconds; nobody reads faster


class LiveTable:
    """A writer of readings that shows the last measurements in a terminal, one row each.

    It is drawn at measurements, in the training's thread, and takes at most a twentieth of the
    time. If there is no terminal, one line is printed at the end.

    Args:
        console: Where to; standard error unless given.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._shows = self._console.is_terminal and not self._console.is_dumb_terminal
        self._glances = Glances(_SHOWN)
        self._readings: list[Reading] = []
        self._steps: set[int] = set()
        self._known: dict[str, Finding] = {}
        self._live: Live | None = None
        self._next = 0.0

    def write(self, reading: Reading) -> None:
        """Add a reading, and redraw the table if it is time."""
        self._readings.append(reading)
        self._glances.add(reading)
        if reading.probe != SCOPE.probe:
            self._steps.add(reading.step)
        elif (
            reading.quantity == SCOPE.share.name and self._shows and time.monotonic() >= self._next
        ):
            self._draw()

    def close(self) -> None:
        """Leave the final table, or print a line if there is no terminal; once."""
        if self._steps and self._shows:
            self._draw()
        elif self._steps:
            self._console.print(
                Text(self._line()), highlight=False, markup=False, emoji=False, soft_wrap=True
            )
        if self._live is not None:
            self._live.stop()
        self._live, self._steps = None, set()

    def _draw(self) -> None:
        began = time.monotonic()
        found = find(self._readings)
        # In the order in which they appeared, the most serious last of those that came together.
        there = {finding.id: finding for finding in found}
        kept = {name: there[name] for name in self._known if name in there}
        self._known = kept | {name: there[name] for name in reversed(there) if name not in kept}
        shown = Group(measurements_table(HEADINGS, self._glances.rows), self._newest())
        if self._live is None:
            # Without a thread of its own: nothing runs beside the training.
            self._live = Live(shown, console=self._console, auto_refresh=False)
            self._live.start(refresh=True)
        else:
            self._live.update(shown, refresh=True)
        ended = time.monotonic()
        self._next = ended + max(_LEAST_WAIT, _PATIENCE * (ended - began))

    def _newest(self) -> Text:
        if not self._known:
            return Text("no finding so far", style="dim")
        newest = list(self._known.values())[-1]
        more = f" ({len(self._known) - 1} more)" if len(self._known) > 1 else ""
        sentence = plain(f"{newest.sentence}{more}")
        return Text.assemble((f"{newest.severity}: ", STYLES[newest.severity]), sentence)

    def _line(self) -> str:
        found = find(self._readings)
        measured = (
            f"{counted(len(self._steps), 'measurement')}, the last at step {max(self._steps)}"
        )
        if not found:
            return f"landscope: {measured}; no finding"
        findings = counted(len(found), "finding")
        return f"landscope: {measured}; {findings}, first {plain(found[0].sentence)}"
