"""What the readings of one training say: findings, a figure, a table in a notebook."""

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from landscope.findings import Findings, find
from landscope.findings.glance import HEADINGS, glances
from landscope.reading import Reading
from landscope.runs.export import frame
from landscope.runs.outcome import Outcome
from landscope.runs.run_records import read_run
from landscope.runs.study_records import read_study
from landscope.text import html_table

if TYPE_CHECKING:
    from landscope.figures.static import Drawing

_SHOWN = 8  # measurements in a notebook's table


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
            UsageError: The width is too small for a panel.
            RecordError: Nothing that it could draw was read.
        """
        # Whoever only trains does not wait for matplotlib.
        from landscope.figures.run_figure import run_figure

        return run_figure(self.readings, self._summary, width)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary})"

    def _repr_html_(self) -> str:
        rows = glances(self.readings, _SHOWN).rows
        last = f"; the last {len(rows)} measurements" if rows else ""
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
        self._records = read_run(path)
        self._readings = self._records.all_readings  # what is damaged is refused here
        self.id: str = self._records.id
        self.outcome: Outcome = self._records.outcome
        self._told = self._records.summary

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings that were recorded, in the order in which they were made."""
        return self._readings

    def to_frame(self) -> Any:
        """All readings as a data frame, a row for each number.

        Returns:
            A ``pandas.DataFrame`` with the columns that ``landscope export`` writes.

        Raises:
            UsageError: The package pandas is not installed.
        """
        return frame([self._records])

    @property
    def _probe_ids(self) -> tuple[str, ...]:
        return self._records.probes

    @property
    def _summary(self) -> str:
        return self._told


class Study:
    """A study as it was recorded, whether it has ended or still goes on.

    ::

        losses = landscope.Study("runs/mine").to_frame().query("quantity == 'train_loss'")

    Args:
        path: Folder of the study, as ``landscope reproduce`` or ``landscope compare`` wrote it.

    Raises:
        RecordError: There is no study, or it is damaged or newer than this landscope.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._records = read_study(path)

    @property
    def runs(self) -> dict[str, Run]:
        """Its runs by id, of which each is read again.

        Raises:
            RecordError: One is damaged.
        """
        folder = self._records.folder
        return {run_id: Run(folder.run(run_id).path) for run_id in self._records.runs}

    def to_frame(self) -> Any:
        """All readings of all runs as a data frame, a row for each number.

        Returns:
            A ``pandas.DataFrame`` with the columns that ``landscope export`` writes.

        Raises:
            UsageError: The package pandas is not installed.
            RecordError: A run is damaged.
        """
        return frame(self._records.runs.values())

    def __repr__(self) -> str:
        return f"Study({str(self._records.folder.path)!r}, {len(self._records.runs)} runs)"
