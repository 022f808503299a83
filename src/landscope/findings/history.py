"""The reliable readings of a training as series, and what is sustained in them."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from landscope.quantities import SCOPE, TRAINING, Quantity
from landscope.reading import TRUSTED, Reading, Status

LAST = 10
"""Number of recent measurements that count: enough for a majority to mean something."""

LEAST = 3
"""Number of measurements that must show a symptom: two may be chance, such as two unusual
batches."""

SUSTAINED = "sustained"
"""Word for this rule in texts; docs/findings.md defines it."""


@dataclass(frozen=True, slots=True)
class Series:
    """The finite values of a quantity, at most one for each step, in the order of the steps.

    Args:
        quantity: The quantity.
        steps: The steps.
        values: One for each step.
        layer: Name of the layer; None for the whole network.
    """

    quantity: Quantity
    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    layer: str | None = None

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def points(self) -> dict[int, float]:
        """Values by step."""
        return dict(zip(self.steps, self.values, strict=True))

    @property
    def median(self) -> float:
        """The median of the values; NaN if there are none."""
        return _median(self.values) if self.values else math.nan

    @property
    def first(self) -> float:
        """The first value; NaN if there is none."""
        return self.values[0] if self.values else math.nan

    def having(self, points: Mapping[int, float]) -> "Series":
        """The same quantity and layer with other points; only finite ones are kept."""
        kept = sorted((step, value) for step, value in points.items() if math.isfinite(value))
        steps, values = tuple(step for step, _ in kept), tuple(value for _, value in kept)
        return Series(self.quantity, steps, values, self.layer)

    def on(self, steps: Iterable[int]) -> "Series":
        """The part that was read at the given steps."""
        points = self.points
        return self.having({step: points[step] for step in steps if step in points})

    def last(self, count: int = LAST) -> "Series":
        """At most ``count`` last values."""
        return Series(self.quantity, self.steps[-count:], self.values[-count:], self.layer)

    def sustained(self, shows: Callable[[float], bool]) -> "Series | None":
        """The part over which a symptom is sustained; None if it is not.

        A symptom is sustained if more than half of the last 10 values show it, and at least 3 do.
        Single measurements stray, because a batch is a sample, and near the edge of stability every
        quantity oscillates. The part begins at the value from which on the values that show the
        symptom outnumber the others by most, and ends with the last value. Single values within it
        may not show it.
        """
        shown = [shows(value) for value in self.values]
        last = shown[-LAST:]
        if sum(last) < LEAST or 2 * sum(last) <= len(last):
            return None
        # The lead of values that show the symptom, counted from each value to the last. Ties go to
        # the latest.
        ahead = list(accumulate(1 if show else -1 for show in reversed(shown)))
        return self.last(ahead.index(max(ahead)) + 1)


class History:
    """The readings of one training, by quantity.

    Args:
        readings: In any order.
        probes: Ids of the probes that were asked to measure; by default those that did.
    """

    def __init__(self, readings: Iterable[Reading], probes: Iterable[str] = ()) -> None:
        self._probes = tuple(probes)
        self._readings: dict[tuple[str, str], list[Reading]] = {}
        for reading in readings:
            self._readings.setdefault((reading.probe, reading.quantity), []).append(reading)

    def readings(self, quantity: Quantity) -> list[Reading]:
        """All readings of a quantity, of any status, in the order of the steps."""
        found = self._readings.get(quantity.key, [])
        return sorted(found, key=lambda r: (r.step, r.layer or "", repr(r.value), str(r.function)))

    def series(self, quantity: Quantity) -> Series:
        """A quantity of the whole network; empty if it was never read."""
        return self._by_layer(quantity).get(None, Series(quantity))

    def layers(self, quantity: Quantity) -> list[Series]:
        """A quantity of each layer where it was read, in the order of the names."""
        found = self._by_layer(quantity)
        return [found[layer] for layer in sorted(each for each in found if each is not None)]

    def sustained_layers(
        self, quantity: Quantity, shows: Callable[[float], bool], *, smallest_first: bool = False
    ) -> list[Series]:
        """The parts over which a symptom is sustained in a layer, the largest median first."""
        found = [series.sustained(shows) for series in self.layers(quantity)]
        kept = [series for series in found if series is not None]
        sign = 1 if smallest_first else -1
        return sorted(kept, key=lambda series: sign * series.median)

    @property
    def measured(self) -> dict[str, int]:
        """The number of steps at which each probe gave a reading that was not skipped.

        A probe that found nothing to read at a step has still measured it.
        """
        steps: dict[str, set[int]] = {probe: set() for probe in self._probes}
        for (probe, quantity), readings in self._readings.items():
            for reading in readings:
                name = probe
                if probe == SCOPE.probe:
                    if quantity != SCOPE.nothing_to_read.name or reading.layer is None:
                        continue
                    name = reading.layer
                found = steps.setdefault(name, set())
                if reading.status is not Status.SKIPPED:
                    found.add(reading.step)
        steps.pop(TRAINING.probe, None)  # a study's curves belong to no probe
        return {probe: len(found) for probe, found in steps.items()}

    @property
    def skipped(self) -> dict[str, str]:
        """For each probe that measured nothing, why it skipped."""
        never = {probe for probe, count in self.measured.items() if not count}
        return {
            reading.probe: str(reading.function)
            for readings in self._readings.values()
            for reading in readings
            if reading.status is Status.SKIPPED and reading.probe in never
        }

    def _by_layer(self, quantity: Quantity) -> dict[str | None, Series]:
        """Series of a quantity recorded only where unusual, with its usual value elsewhere."""
        recorded = self._recorded(quantity)
        if quantity.beside is None or not recorded:
            return recorded
        beside = self._recorded(quantity.beside)
        asked = [beside[None]] if None in beside else beside.values()
        usual = {step: quantity.usual for series in asked for step in series.steps}
        return {layer: series.having(usual | series.points) for layer, series in recorded.items()}

    def _recorded(self, quantity: Quantity) -> dict[str | None, Series]:
        points: dict[str | None, dict[int, list[float]]] = {}
        for reading in self._readings.get(quantity.key, ()):
            value = _number(reading)
            if reading.status in TRUSTED and math.isfinite(value):
                points.setdefault(reading.layer, {}).setdefault(reading.step, []).append(value)
        return {
            # A step that was read twice counts once.
            layer: Series(quantity, layer=layer).having(
                {step: _median(read) for step, read in by_step.items()}
            )
            for layer, by_step in points.items()
        }


def finite(reading: Reading) -> bool:
    """Whether a reading is one finite number."""
    return math.isfinite(_number(reading))


def _number(reading: Reading) -> float:
    """The value of a reading that is one number; NaN for a list."""
    return float(reading.value) if isinstance(reading.value, float | int) else math.nan


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    # Halved first, because the sum of two large numbers may overflow.
    return ordered[middle - 1] / 2 + ordered[middle] / 2
