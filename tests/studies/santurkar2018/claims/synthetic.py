"""Studies of made-up numbers, in memory: nothing in them was ever measured.

A test says what a run is to show; the numbers are drawn around it, so that medians and means are
no round figures and a wrong statistic is found out.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscope.reading import Axis, Reading, Status
from landscope.runs import Outcome, RunManifest, RunRecords, StudyManifest, StudyRecords

LAYERS = ("first", "second", "third")
STEPS = 40
MEASUREMENTS = tuple(range(0, STEPS, 10))
ETAS = (0.05, 0.1, 0.2, 0.4)


class Synthetic:
    """A study in memory that grows run by run."""

    def __init__(self) -> None:
        self._runs: list[RunRecords] = []

    def run(
        self,
        family: str,
        norm: str,
        lr: float,
        *readings: Reading,
        diverged: int | None = None,
        unfinished: bool = False,
        steps: int = STEPS,
    ) -> str:
        """Adds a run of these readings and gives its id; a diverged one has none after that."""
        run_id = f"{family}-{norm}-lr{lr:g}-seed0"
        config = {"family": family, "norm": norm, "lr": lr, "steps": steps, "seed": 0}
        manifest = RunManifest(format=1, id=run_id, config=config, layers=list(LAYERS), seed=0)
        last = steps if diverged is None else diverged
        kept = [reading for reading in readings if reading.step <= last]
        ended = Outcome("finished" if diverged is None else "diverged", last, 1.0)
        outcome = Outcome("unfinished", kept[-1].step if kept else None) if unfinished else ended
        self._runs.append(RunRecords(manifest, kept, outcome))
        return run_id

    def read(self) -> StudyRecords:
        return StudyRecords(StudyManifest(format=1, study="santurkar2018", seed=0), self._runs)


def around(value: float, count: int, seed: int) -> NDArray[np.float64]:
    """Numbers within a tenth of a value, so that those around 1 and 2 never meet."""
    return value * np.random.default_rng(seed).uniform(0.9, 1.1, count)


def accuracy(values: Sequence[float] | NDArray[np.float64], every: int = 1) -> list[Reading]:
    """A training curve with a point every few steps."""
    return [
        Reading(every * at, "training", "train_accuracy", float(value))
        for at, value in enumerate(values)
    ]


def per_layer(
    probe: str, quantity: str, values: NDArray[np.float64], looks: Sequence[int] = MEASUREMENTS
) -> list[Reading]:
    """A quantity of every layer: ``values`` has a row for each look, a column for each layer."""
    return [
        _reading(step, probe, quantity, value, layer)
        for step, row in zip(looks, values.tolist(), strict=True)
        for layer, value in zip(LAYERS, row, strict=True)
    ]


def line(
    loss: NDArray[np.float64],
    change: NDArray[np.float64],
    beta: NDArray[np.float64],
    looks: Sequence[int] = MEASUREMENTS,
    probe: str = "line[paper]",
) -> list[Reading]:
    """The landscape along a line: two tables of a row a look, and a number a look."""
    found: list[Reading] = []
    for step, losses, changes, largest in zip(
        looks, loss.tolist(), change.tolist(), beta.tolist(), strict=True
    ):
        axis = Axis("eta", "step size", ETAS)
        found += [
            _reading(step, probe, "loss", tuple(losses), axis=axis),
            _reading(step, probe, "gradient_change", tuple(changes), axis=axis),
            _reading(step, probe, "effective_beta", largest),
        ]
    return found


def _reading(
    step: int,
    probe: str,
    quantity: str,
    value: float | tuple[float, ...],
    layer: str | None = None,
    axis: Axis | None = None,
) -> Reading:
    values = value if isinstance(value, tuple) else (value,)
    status = Status.OK if all(map(math.isfinite, values)) else Status.NONFINITE
    return Reading(step, probe, quantity, value, layer=layer, axis=axis, status=status)


def of(answer: Any, name: str) -> dict[str, float]:
    """The numbers of that name in an answer, by run."""
    return {number.run: number.value for number in answer.numbers if number.name == name}
