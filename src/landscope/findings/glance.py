"""The few numbers that a person follows: a row for each look, as its readings come in."""

import math
from collections.abc import Iterable

from landscope.findings.phrase import number, percent
from landscope.reading import TRUSTED, Reading

_COLUMNS = {
    "share of the time": (("scope", "share"),),
    "loss": (("gradient", "loss"), ("training", "train_loss")),
    "beta x lr, update": (("step_size", "sharpness_lr"),),
    "beta x lr, gradient": (("line[paper]", "beta_lr"),),
    "safe lr": (("step_size", "safe_lr"),),
    "least shift cosine": (("covariate_shift", "shift_cosine"),),
}
_COLUMN_OF = {subject: column for column, subjects in _COLUMNS.items() for subject in subjects}

HEADINGS = ("step", *_COLUMNS)
"""Of the cells of a row; numbers are pure, but for the loss and the learning rate."""


class Glances:
    """The last looks of a training, each as a row of cells.

    Args:
        most: So many looks are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._looks: dict[int, dict[str, Reading]] = {}

    def add(self, reading: Reading) -> None:
        """Take note of a reading, if it is one that is followed."""
        column = _COLUMN_OF.get((reading.probe, reading.quantity))
        if column is None or isinstance(reading.value, tuple):
            return
        look = self._looks.setdefault(reading.step, {})
        if column not in look or _worse(reading, look[column]):
            look[column] = reading
        if len(self._looks) > self._most:
            del self._looks[min(self._looks)]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Cells as in :data:`HEADINGS`, the earliest look first; empty where nothing was read."""
        return [
            (str(step), *(_told(column, look.get(column)) for column in _COLUMNS))
            for step, look in sorted(self._looks.items())
        ]


def glances(readings: Iterable[Reading], most: int) -> Glances:
    """The last looks among the readings of a training."""
    found = Glances(most)
    for reading in readings:
        found.add(reading)
    return found


def _worse(reading: Reading, known: Reading) -> bool:
    """Of several layers the least that can be believed is told; of one number the last."""
    if reading.layer is None or not _believed(known):
        return True
    return _believed(reading) and _number(reading) < _number(known)


def _told(column: str, reading: Reading | None) -> str:
    if reading is None:
        return ""
    if reading.status not in TRUSTED:
        return str(reading.status)
    value = _number(reading)
    text = percent(value) if column.startswith("share") else number(value)
    return text if reading.layer is None else f"{text} ({reading.layer})"


def _believed(reading: Reading) -> bool:
    return reading.status in TRUSTED and math.isfinite(_number(reading))


def _number(reading: Reading) -> float:
    return math.nan if isinstance(reading.value, tuple) else float(reading.value)
