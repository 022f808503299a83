"""The few numbers that a person follows, one row for each measurement."""

import math
from collections.abc import Iterable

from landscope.quantities import (
    COVARIATE_SHIFT,
    GRADIENT,
    PAPER_LINE,
    SCOPE,
    STEP_SIZE,
    TRAINING,
    Quantity,
)
from landscope.reading import TRUSTED, Reading
from landscope.text import number, percent

_COLUMNS: dict[str, tuple[Quantity, ...]] = {
    "share of the time": (SCOPE.share,),
    "loss": (GRADIENT.loss, TRAINING.train_loss),
    "beta x lr, update": (STEP_SIZE.sharpness_lr,),
    "beta x lr, gradient": (PAPER_LINE.beta_lr,),
    "safe lr": (STEP_SIZE.safe_lr,),
    "least shift cosine": (COVARIATE_SHIFT.shift_cosine,),
}
_COLUMN_OF = {each.key: column for column, quantities in _COLUMNS.items() for each in quantities}

HEADINGS = ("step", *_COLUMNS)
"""Headings of the cells of a row. All numbers but the loss and the learning rate are
dimensionless."""


class Glances:
    """The last measurements of a training, each as a row of cells.

    Args:
        most: Number of measurements to keep.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: dict[int, dict[str, Reading]] = {}

    def add(self, reading: Reading) -> None:
        """Add a reading, if its quantity is one of those shown."""
        column = _COLUMN_OF.get((reading.probe, reading.quantity))
        if column is None or isinstance(reading.value, tuple):
            return
        row = self._rows.setdefault(reading.step, {})
        if column not in row or _worse(reading, row[column]):
            row[column] = reading
        if len(self._rows) > self._most:
            del self._rows[min(self._rows)]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Cells as in :data:`HEADINGS`, the earliest step first; empty if nothing was read."""
        return [
            (str(step), *(_cell(row.get(column)) for column in _COLUMNS))
            for step, row in sorted(self._rows.items())
        ]


def glances(readings: Iterable[Reading], most: int) -> Glances:
    """The last measurements among the readings of a training."""
    found = Glances(most)
    for reading in readings:
        found.add(reading)
    return found


def _worse(reading: Reading, known: Reading) -> bool:
    """Among several layers, show the least reliable; of one number, show the latest."""
    if reading.layer is None or not _reliable(known):
        return True
    return _reliable(reading) and _number(reading) < _number(known)


def _cell(reading: Reading | None) -> str:
    if reading is None:
        return ""
    if reading.status not in TRUSTED:
        return str(reading.status)
    share = (reading.probe, reading.quantity) == SCOPE.share.key
    text = (percent if share else number)(_number(reading))
    return text if reading.layer is None else f"{text} ({reading.layer})"


def _reliable(reading: Reading) -> bool:
    return reading.status in TRUSTED and math.isfinite(_number(reading))


def _number(reading: Reading) -> float:
    return math.nan if isinstance(reading.value, tuple) else float(reading.value)
