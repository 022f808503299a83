"""Series of one run, from its readings alone: what can be believed as a line, the rest as steps."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landscope.quantities import SCOPE, Quantity
from landscope.reading import TRUSTED, Reading, Status


@dataclass(frozen=True, slots=True)
class Trace:
    """One number by step.

    Args:
        steps: Increasing.
        values: One for each; NaN where it was read and cannot be believed.
        reasons: Why not, by step.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]
    reasons: dict[int, str]

    @property
    def points(self) -> list[tuple[int, float]]:
        """Steps and values."""
        return list(zip(self.steps, self.values, strict=True))

    @property
    def known(self) -> list[float]:
        """The values that can be believed, in order."""
        return [value for value in self.values if not math.isnan(value)]


class RunSeries:
    """The numbers of one run, by probe, quantity and layer.

    Args:
        readings: All of the run, in any order. Lists are left out.
    """

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings: dict[tuple[str, str], dict[str | None, dict[int, Reading]]] = {}
        self._failed: dict[str, list[int]] = {}
        for reading in readings:
            if (reading.probe, reading.quantity) == SCOPE.failed.key:
                self._failed.setdefault(reading.layer or "", []).append(reading.step)
            elif not isinstance(reading.value, tuple):
                by_layer = self._readings.setdefault((reading.probe, reading.quantity), {})
                by_layer.setdefault(reading.layer, {})[reading.step] = reading

    def whole(self, quantity: Quantity) -> Trace | None:
        """A number of the whole network; None where it was never read."""
        read = self._readings.get(quantity.key, {}).get(None)
        return None if read is None else self._trace(quantity.probe, read)

    def layers(self, quantity: Quantity) -> dict[str, Trace]:
        """A number of each layer, in the order in which they were read."""
        by_layer = self._readings.get(quantity.key, {})
        probe = quantity.probe
        return {
            layer: self._trace(probe, read) for layer, read in by_layer.items() if layer is not None
        }

    def _trace(self, probe: str, read: dict[int, Reading]) -> Trace:
        failed = dict.fromkeys(self._failed.get(probe, ()), "failed")
        reasons = failed | {
            step: str(Status.NONFINITE if reading.status in TRUSTED else reading.status)
            for step, reading in read.items()
            if not _believed(reading)
        }
        steps = sorted({*read, *reasons})
        values = [math.nan if step in reasons else _number(read[step]) for step in steps]
        return Trace(tuple(steps), tuple(values), reasons)


def extreme(traces: Sequence[Trace], *, greatest: bool) -> Trace:
    """The greatest or the least of several numbers, among those that can be believed at a step.

    Args:
        traces: At least one.
        greatest: Whether the greatest is meant, and not the least.
    """
    values: dict[int, list[float]] = {}
    reasons: dict[int, list[str]] = {}
    for trace in traces:
        for step, value in trace.points:
            values.setdefault(step, []).extend([] if math.isnan(value) else [value])
            reasons.setdefault(step, []).extend(filter(None, [trace.reasons.get(step)]))
    pick = max if greatest else min
    steps = sorted(values)
    return Trace(
        tuple(steps),
        tuple(pick(values[step], default=math.nan) for step in steps),
        {step: Counter(reasons[step]).most_common(1)[0][0] for step in steps if not values[step]},
    )


def _believed(reading: Reading) -> bool:
    return reading.status in TRUSTED and math.isfinite(_number(reading))


def _number(reading: Reading) -> float:
    return math.nan if isinstance(reading.value, tuple) else float(reading.value)
