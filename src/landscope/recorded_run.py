"""A run from its folder: findings, figure and readings, without torch and without training."""

import os

from landscope.reading import Reading
from landscope.reviewed import Reviewed
from landscope.runs.outcome import Outcome
from landscope.runs.run_records import read_run


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
