"""The history of a training: its readings, selected as series that can be believed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from landscope.reading import TRUSTED, Reading, Status


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers by step, in the order of the steps: each finite, one a step.

    Args:
        steps: The steps.
        values: One for each step.
        layer: What was measured; None for the whole network.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]
    layer: str | None = None

    @staticmethod
    def of(points: Mapping[int, float], layer: str | None = None) -> "Series":
        """Those points that are finite, in order."""
        kept = sorted((step, value) for step, value in points.items() if math.isfinite(value))
        return Series(tuple(step for step, _ in kept), tuple(value for _, value in kept), layer)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def points(self) -> dict[int, float]:
        """Values by step."""
        return dict(zip(self.steps, self.values, strict=True))

    @property
    def median(self) -> float:
        """The median of the values, of which there must be one."""
        return _median(list(self.values))

    def on(self, steps: Iterable[int]) -> "Series":
        """What was read at some of the steps."""
        points = self.points
        return Series.of({step: points[step] for step in steps if step in points}, self.layer)

    def over(self, other: "Series") -> "Series":
        """The quotient where both were read."""
        divisors = other.points
        quotients = {
            step: value / divisors[step]
            for step, value in self.points.items()
            if divisors.get(step, 0.0) != 0
        }
        return Series.of(quotients, self.layer)


class History:
    """The readings of one training, by probe and quantity.

    Args:
        readings: In any order; it does not matter which.
        probes: Ids of the probes that were to measure; those that did, where that is not known.
    """

    def __init__(self, readings: Iterable[Reading], probes: Iterable[str] = ()) -> None:
        self._probes = tuple(probes)
        self._readings: dict[tuple[str, str], list[Reading]] = {}
        for reading in readings:
            self._readings.setdefault((reading.probe, reading.quantity), []).append(reading)

    def readings(self, probe: str, quantity: str) -> list[Reading]:
        """All readings of a quantity, in the order of steps, whatever their status."""
        found = self._readings.get((probe, quantity), [])
        return sorted(found, key=lambda r: (r.step, r.layer or "", repr(r.value), r.function))

    @property
    def measured(self) -> dict[str, int]:
        """How many steps each probe has measured, with a reading that was not skipped.

        A probe that found nothing to read at a step has measured it.
        """
        steps: dict[str, set[int]] = {probe: set() for probe in self._probes}
        for (probe, quantity), readings in self._readings.items():
            for reading in readings:
                name = probe
                if probe == "scope":
                    if quantity != "nothing_to_read" or reading.layer is None:
                        continue
                    name = reading.layer
                found = steps.setdefault(name, set())
                if reading.status is not Status.SKIPPED:
                    found.add(reading.step)
        steps.pop("training", None)  # a study's curves are no probe's
        return {probe: len(found) for probe, found in steps.items()}

    def series(self, probe: str, quantity: str) -> Series:
        """A number of the whole network; empty where it was never read."""
        return self._by_layer(probe, quantity).get(None, Series((), ()))

    def layers(self, probe: str, quantity: str) -> list[Series]:
        """A number of each layer, in the order of their names."""
        by_layer = self._by_layer(probe, quantity)
        return [by_layer[layer] for layer in sorted(filter(None, by_layer))]

    def marks(self, probe: str, quantity: str, beside: str, otherwise: float) -> list[Series]:
        """A number that is recorded only where it is unusual, of each layer that has it anywhere.

        Args:
            probe: The probe.
            quantity: The number.
            beside: A quantity of the probe that is recorded at each measurement.
            otherwise: What the number counts as where it was not recorded.
        """
        asked = [
            series for series in self._by_layer(probe, beside).values() if series.layer is None
        ] or list(self._by_layer(probe, beside).values())
        steps = {step for series in asked for step in series.steps}
        found = sorted(self._by_layer(probe, quantity).values(), key=lambda each: each.layer or "")
        return [
            Series.of({**dict.fromkeys(steps, otherwise), **series.points}, series.layer)
            for series in found
        ]

    def _by_layer(self, probe: str, quantity: str) -> dict[str | None, Series]:
        points: dict[str | None, dict[int, list[float]]] = {}
        for reading in self._readings.get((probe, quantity), ()):
            value = _number(reading)
            if reading.status in TRUSTED and math.isfinite(value):
                points.setdefault(reading.layer, {}).setdefault(reading.step, []).append(value)
        return {
            # A step that was read twice counts once.
            layer: Series.of({step: _median(read) for step, read in by_step.items()}, layer)
            for layer, by_step in points.items()
        }


def finite(reading: Reading) -> bool:
    """Whether a reading is a number, one that is finite."""
    return math.isfinite(_number(reading))


def _number(reading: Reading) -> float:
    """The value of a reading that is one number; NaN for a list."""
    return float(reading.value) if isinstance(reading.value, float | int) else math.nan


def _median(values: list[float]) -> float:
    ordered, middle = sorted(values), len(values) // 2
    if len(ordered) % 2:
        return ordered[middle]
    # Halved first, as the sum of two large numbers may overflow.
    return ordered[middle - 1] / 2 + ordered[middle] / 2
