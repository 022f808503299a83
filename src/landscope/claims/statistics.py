"""The statistics of the claims: over the steps, looks and layers of one run."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from landscope.records.run_records import RunRecords

Values = NDArray[np.float64]

CHANCE = 0.1
"""Accuracy of a guess: all the paper's images come in ten classes."""


def finite(values: Values) -> Values:
    """Those values that are numbers; a diverged run ends with some that are not."""
    return values[np.isfinite(values)]


def mean_accuracy(run: RunRecords) -> float:
    """Training accuracy, averaged over all steps of the run: the area under its curve.

    It is high for a network that learns early, and needs no level to be chosen. The steps that a
    diverged run did not take count as chance.
    """
    steps, accuracy = run.series("training", "train_accuracy")
    planned = int(run.config["steps"])
    lost = max(0, planned - 1 - int(steps[-1])) if run.outcome.status == "diverged" else 0
    return float((np.sum(accuracy) + CHANCE * lost) / (len(accuracy) + lost))


def late_accuracy(run: RunRecords) -> float:
    """Training accuracy over the last tenth of the steps; chance for a diverged run."""
    if run.outcome.status == "diverged":
        return CHANCE
    _, accuracy = run.series("training", "train_accuracy")
    return float(np.mean(accuracy[-max(1, len(accuracy) // 10) :]))


def accuracy_by_step(run: RunRecords, points: int) -> list[tuple[int, float]]:
    """Training accuracy over equal parts of the run, each with the step at which it ends."""
    steps, accuracy = run.series("training", "train_accuracy")
    parts = zip(
        np.array_split(steps, min(points, len(steps))),
        np.array_split(accuracy, min(points, len(steps))),
        strict=True,
    )
    return [(int(part[-1]) + 1, float(np.mean(values))) for part, values in parts]


def over_layers(run: RunRecords, probe: str, quantity: str) -> Values:
    """A quantity at every look of every layer that has it, without the first layer.

    Nothing trained stands before the first layer, so nothing can shift under it.
    """
    layers = [layer for layer in run.layers[1:] if run.has(probe, quantity, layer)]
    return finite(np.concatenate([run.series(probe, quantity, layer)[1] for layer in layers]))


def has_over_layers(run: RunRecords, probe: str, quantity: str) -> bool:
    """Whether any layer but the first has the quantity."""
    return any(run.has(probe, quantity, layer) for layer in run.layers[1:])


def spread(run: RunRecords, probe: str, quantity: str) -> Values:
    """Largest minus smallest value on the grid at each look."""
    _, values = run.series(probe, quantity)
    return np.asarray(values.max(axis=1) - values.min(axis=1), dtype=np.float64)


def median(values: Iterable[float]) -> float:
    """The median; NaN where nothing is left to take it of."""
    array = np.asarray(list(values), dtype=np.float64)
    return float(np.median(array)) if array.size else float("nan")
