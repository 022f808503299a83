"""What the readings of one training say: findings, a figure, a table in a notebook."""

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from landscope.findings import Findings, find
from landscope.findings.glance import HEADINGS, glances
from landscope.notebook import html_table
from landscope.reading import Reading
from landscope.runs.outcome import Outcome
from landscope.runs.run_records import read_run

if TYPE_CHECKING:
    from landscope.figures.static import Drawing

_SHOWN = 8  # looks in a notebook's table


class Reviewed(ABC):
    """A training whose readings can be looked through, while it runs or from its records."""

    @property
    @abstractmethod
    def readings(self) -> tuple[Reading, ...]:
        """All readings so far, in the order in which they were made."""

    @property
    @abstractmethod
    def _summary(self) -> str:
        """What it is and how far it got, in a few words."""

    @property
    @abstractmethod
    def _probe_ids(self) -> tuple[str, ...]:
        """Ids of the probes that were to measure; none where that is not known."""

    def findings(self) -> Findings:
        """What the readings so far say, the most serious first.

        Printed, they also say which probes measured too seldom to rule problems out.
        """
        return find(self.readings, self._probe_ids)

    def plot(self, width: float = 12.0) -> "Drawing":
        """A matplotlib figure over the steps, with a panel for each kind of reading there is.

        Readings that cannot be relied on are gaps with crosses beneath.

        Args:
            width: In inches; the panels stand in as many columns as fit.

        Returns:
            A ``matplotlib.figure.Figure``, which a notebook shows and ``savefig`` saves. It needs
            no display and no pyplot.

        Raises:
            UsageError: The width has no room for a panel.
            RecordError: Nothing that it could draw was read.
        """
        # Whoever only trains does not wait for matplotlib.
        from landscope.figures.run_figure import run_figure

        return run_figure(self.readings, self._summary, width)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary})"

    def _repr_html_(self) -> str:
        rows = glances(self.readings, _SHOWN).rows
        last = f"; the last {len(rows)} looks" if rows else ""
        table = html_table(f"{self!r}{last}", HEADINGS, rows)
        return table + self.findings().to_html()


class Run(Reviewed):
    """One training as it was recorded, whether it has ended or still goes on.

    ::

        run = landscope.Run("runs/mine")
        run.findings()
        run.plot().savefig("mine.png")

    Args:
        path: Folder of the run, as it was given to ``Scope(to=...)``; in a study, one of ``runs/``.

    Attributes:
        id: Name of the run.
        outcome: How it ended, and at which step.

    Raises:
        RecordError: There is no run, or it is damaged or newer than this landscope.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        records = read_run(path)
        self._readings = records.all_readings
        self.id: str = records.id
        self.outcome: Outcome = records.outcome
        self._told = records.summary
        self._probes = records.probes

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings that were recorded, in the order in which they were made."""
        return self._readings

    @property
    def _probe_ids(self) -> tuple[str, ...]:
        return self._probes

    @property
    def _summary(self) -> str:
        return self._told
