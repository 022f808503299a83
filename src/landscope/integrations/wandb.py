"""Readings in a run of Weights & Biases."""

from typing import Any

import numpy as np

from landscope.errors import UsageError
from landscope.integrations.missing import missing
from landscope.integrations.series import histogram_of, numbers_of, remark_of
from landscope.reading import Reading

try:
    import wandb
except ModuleNotFoundError as error:
    raise missing("wandb", "wandb") from error

STEP = "landscope/step"
"""The axis of all readings: W&B's own step counts calls of ``log`` and is left to the caller."""


class WandbWriter:
    """Logs readings to a run, one row for each measurement, beside whatever else is logged there.

    Numbers stand under ``Reading.key``, a short list is one number for each coordinate and a long
    one a histogram; what a number cannot say stands in words under ``.../status``. Charts take
    the training's step as their axis, from :data:`STEP`.

    Args:
        run: What ``wandb.init`` gave, which stays the caller's to finish; the active run unless
            given.

    Raises:
        UsageError: No run is given and none is active.
    """

    def __init__(self, run: Any = None) -> None:
        active: Any = wandb.run if run is None else run
        if active is None:
            raise UsageError(
                "no run of W&B is active",
                "readings are logged to a run",
                "call `wandb.init(...)` first, and give what it returns",
            )
        self._run = active
        self._run.define_metric(STEP, hidden=True)
        self._row: dict[str, Any] = {}
        self._probes: set[str] = set()
        self._waiting: int | None = None

    def write(self, reading: Reading) -> None:
        """Take a reading; the row is logged once the measurement is complete."""
        if self._row.get(STEP, reading.step) != reading.step:
            self._log()
        if reading.probe not in self._probes:
            self._probes.add(reading.probe)
            self._run.define_metric(f"{reading.probe}/*", step_metric=STEP)
        self._row[STEP] = reading.step
        self._row.update(numbers_of(reading))
        histogram = histogram_of(reading)
        if histogram is not None:
            self._row[reading.key] = wandb.Histogram(
                np_histogram=(np.array(histogram.heights), np.array(histogram.edges))
            )
        remark = remark_of(reading)
        if remark is not None:
            self._row[f"{reading.key}/status"] = remark

    def close(self) -> None:
        """Log what is held back. The run stays open."""
        self._log()

    def _log(self) -> None:
        if not self._row:
            return
        if self._run.step == self._waiting:
            # Nobody logged since the last row, which still waits for the caller's own to join it.
            self._run.log({}, commit=True)
        # Not committed: another row of the caller's at this step of W&B's must not be refused.
        self._run.log(self._row, commit=False)
        self._waiting = self._run.step
        self._row = {}
