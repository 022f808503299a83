"""Readings in a run of Trackio."""

from typing import Any

from landscope.integrations.missing import missing
from landscope.integrations.series import histogram_of, numbers_of, remark_of
from landscope.reading import Reading

try:
    import trackio
    from trackio.run import Run
except ModuleNotFoundError as error:
    raise missing("trackio", "trackio") from error


class TrackioWriter:
    """Logs readings to a run, one row for each measurement, at the training's step.

    Numbers stand under ``Reading.key``, a short list is one number for each coordinate and a long
    one a histogram; what a number cannot say stands in words under ``.../status``. Trackio counts
    on from the largest step that it was given: give ``trackio.log`` the step as well.

    Args:
        run: What ``trackio.init`` gave, which stays the caller's to finish.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._step: int | None = None
        self._row: dict[str, Any] = {}

    def write(self, reading: Reading) -> None:
        """Take a reading; the row is logged once the measurement is complete."""
        if self._step != reading.step:
            self._log()
        self._step = reading.step
        self._row.update(numbers_of(reading))
        histogram = histogram_of(reading)
        if histogram is not None:
            self._row[reading.key] = trackio.Histogram(
                np_histogram=(histogram.heights, histogram.edges)
            )
        remark = remark_of(reading)
        if remark is not None:
            self._row[f"{reading.key}/status"] = remark

    def close(self) -> None:
        """Log what is held back. The run stays open."""
        self._log()

    def _log(self) -> None:
        if self._row:
            self._run.log(self._row, step=self._step)
        self._row = {}
