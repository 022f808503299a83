"""A reading as other tools take it: named numbers, a histogram, and a remark in words.

Logs plot one number for each name and step, and know neither a status nor an axis. So:

- A number has the name ``probe/quantity/layer``, which is ``Reading.key``.
- A list with a few coordinates is a line for each of them: ``step_size/loss/multiple=0.5``.
- A longer list, over features or units, is the histogram of its values; a list that is a
  histogram already stays the one that it is.
- NaN and the infinities stay what they are. What was skipped, overflowed or did not converge is
  never a plausible number: it becomes NaN, and its status goes beside it in words.
"""

import math
from dataclasses import dataclass

import numpy as np

from landscope.reading import TRUSTED, Reading, Status

MOST_LINES = 20
"""A list of more values than this is drawn as a histogram: nobody reads so many lines."""

BINS = 64
"""Of a histogram that is made here; what W&B takes where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts or densities between edges, of which there is one more."""

    heights: tuple[float, ...]
    edges: tuple[float, ...]


def numbers_of(reading: Reading) -> dict[str, float]:
    """The reading's numbers by the names of their lines; none where it is a histogram."""
    if not isinstance(reading.value, tuple):
        return {reading.key: _believed(reading, reading.value)}
    if _is_distribution(reading):
        return {}
    names = _coordinates(reading)
    return {
        f"{reading.key}/{name}": _believed(reading, value)
        for name, value in zip(names, reading.value, strict=True)
    }


def histogram_of(reading: Reading) -> Histogram | None:
    """The reading's histogram, of its finite values; None where it has no such values."""
    if not isinstance(reading.value, tuple) or not _is_distribution(reading):
        return None
    if reading.axis is not None and len(reading.axis.values) == len(reading.value) + 1:
        whole = all(map(math.isfinite, (*reading.value, *reading.axis.values)))
        return Histogram(reading.value, reading.axis.values) if whole else None
    finite = [value for value in reading.value if math.isfinite(value)]
    if not finite or reading.status not in TRUSTED:
        return None
    heights, edges = np.histogram(np.array(finite), bins=BINS)
    return Histogram(tuple(heights.astype(float).tolist()), tuple(edges.tolist()))


def remark_of(reading: Reading) -> str | None:
    """What a number cannot say: its status and the reason, and how much of a list is not finite."""
    if reading.status is not Status.OK:
        why = str(reading.function)
        return f"{reading.status}: {why}" if why else str(reading.status)
    if isinstance(reading.value, tuple) and _is_distribution(reading):
        left_out = sum(not math.isfinite(value) for value in reading.value)
        return f"{left_out} of {len(reading.value)} values are not finite" if left_out else None
    return None


def _believed(reading: Reading, value: float) -> float:
    if reading.status in TRUSTED or not math.isfinite(value):
        return value
    return math.nan


def _is_distribution(reading: Reading) -> bool:
    values = reading.value if isinstance(reading.value, tuple) else ()
    edges = reading.axis is not None and len(reading.axis.values) == len(values) + 1
    return edges or len(values) > MOST_LINES


def _coordinates(reading: Reading) -> list[str]:
    values = reading.value if isinstance(reading.value, tuple) else ()
    if reading.axis is None:
        return [str(index) for index in range(len(values))]
    return [f"{reading.axis.name}={value:g}" for value in reading.axis.values]
