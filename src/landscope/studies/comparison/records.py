"""The records of a comparison: its runs by norm, learning rate and seed, and what each comes to.

Figures and claims both read these numbers, so that what is drawn is what is judged.
"""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from landscope.errors import RecordError
from landscope.quantities import TRAINING, Quantity
from landscope.runs.manifest import Part
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.comparison.configuration import COMPARED_NORMS

Values = NDArray[np.float64]
_T = TypeVar("_T")

LEARNT = 0.5
"""A run learns if its loss falls at least this far, in parts of the best run's fall."""
_LATE = 10
"""The end of a run is its last tenth."""


MAX_PLACES = 10_000
"""Norms times rates times seeds: short lists must not make a table without end."""


def _known(norm: str) -> str:
    if norm not in COMPARED_NORMS:
        raise ValueError("this version of landscope has no such norm")
    return norm


_Norm = Annotated[str, AfterValidator(_known)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Steps = Annotated[int, Field(ge=1, lt=2**53)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ComparedRun(Part):
    """A run of a comparison; what its figures, claims and report read of it."""

    norm: _Norm
    lr: _Rate
    seed: _Count
    steps: _Steps


class Compared(Part):
    """A comparison: its norms, learning rates and seeds, and the user's own functions."""

    model: str | None = None
    data: str | None = None
    loss: str | None = None
    optimizer: str | None = None
    norms: list[_Norm] | None = None
    lrs: list[_Rate] | None = None
    seeds: list[_Count] | None = None
    steps: int | None = None
    every: int | None = None
    insert: bool = False

    @model_validator(mode="after")
    def _is_of_a_size(self) -> "Compared":
        places = 1
        for listed in (self.norms, self.lrs, self.seeds):
            places *= len(listed or ())
        if places > MAX_PLACES:
            raise ValueError(f"a comparison has at most {MAX_PLACES} runs")
        return self


class ComparisonRecords:
    """One comparison, as it was recorded, finished or not.

    Args:
        study: Its records.

    Attributes:
        norms: In the order in which they were asked for.
        lrs: Ascending.
        seeds: In the order in which they were asked for.

    Raises:
        RecordError: The manifest does not say what was compared.
    """

    def __init__(self, study: StudyRecords) -> None:
        self.study = study
        self.settings = asked = study.settings(Compared)
        self.norms = _listed(study, "norms", asked.norms)
        self.lrs = sorted(_listed(study, "lrs", asked.lrs))
        self.seeds = _listed(study, "seeds", asked.seeds)
        made = [(run.settings(ComparedRun), run) for run in study.runs.values()]
        self._by_place = {(each.norm, each.lr, each.seed): run for each, run in made}

    @cached_property
    def complete(self) -> bool:
        """Whether every run is there and has ended."""
        found = [self._by_place.get(place) for place in self._places()]
        return all(run is not None and run.outcome.ended for run in found)

    @property
    def steps(self) -> int:
        """Steps of the longest run."""
        return max(run.settings(ComparedRun).steps for run in self.study.runs.values())

    @property
    def baseline(self) -> str:
        """The norm relative to which costs are given: no norm, or else the first."""
        return "none" if "none" in self.norms else self.norms[0]

    def run(self, norm: str, lr: float, seed: int) -> RunRecords:
        """One of the runs.

        Raises:
            RecordError: It is not there.
        """
        run = self._by_place.get((norm, lr, seed))
        if run is None:
            raise RecordError(
                f"run with norm={norm!r}, lr={lr:g}, seed={seed}",
                "the study has no such run",
                "start the same command again to resume",
            )
        return run

    def over_seeds(self, norm: str, lr: float) -> list[RunRecords]:
        """The runs of a norm at a learning rate, one for each seed; raises as ``run`` does."""
        return [self.run(norm, lr, seed) for seed in self.seeds]

    def there(self, norm: str, lr: float) -> list[RunRecords]:
        """Those of them that are there, of a comparison that may not have ended."""
        places = [(norm, lr, seed) for seed in self.seeds]
        return [self._by_place[place] for place in places if place in self._by_place]

    def learnt(self, run: RunRecords) -> bool:
        """Whether a run's loss fell at least ``LEARNT`` as far as the best one's with its seed.

        A stuck network also ends a little below its start.
        """
        seed = run.settings(ComparedRun).seed
        return fall(run) >= LEARNT * self._best_falls[seed] > 0

    @cached_property
    def repeated(self) -> dict[int, int]:
        """Seeds whose runs are those of an earlier seed to the last digit, with that seed.

        Functions that set a seed of their own give such runs, and there is no chance in them.
        """
        first: dict[tuple[bytes, ...], int] = {}
        found: dict[int, int] = {}
        for seed in self.seeds:
            runs = [self.run(norm, lr, seed) for norm in self.norms for lr in self.lrs]
            told = [run for run in runs if run.has(TRAINING.train_loss)]
            losses = tuple(run.numbers(TRAINING.train_loss)[1].tobytes() for run in told)
            earlier = first.setdefault(losses, seed)
            if losses and earlier != seed:
                found[seed] = earlier
        return found

    @cached_property
    def _best_falls(self) -> dict[int, float]:
        return {
            seed: max(fall(self.run(norm, lr, seed)) for norm in self.norms for lr in self.lrs)
            for seed in self.seeds
        }

    def _places(self) -> Iterable[tuple[str, float, int]]:
        return ((norm, lr, seed) for norm in self.norms for lr in self.lrs for seed in self.seeds)


def diverged(run: RunRecords) -> bool:
    """Whether the training broke down."""
    return run.outcome.status == "diverged"


def divergence(run: RunRecords) -> float:
    """The step at which the training broke down; infinite where it did not."""
    return float(run.outcome.step or 0) if diverged(run) else math.inf


def losses(run: RunRecords) -> tuple[Values, Values]:
    """Steps and training losses of a run, without those that are not finite."""
    if not run.has(TRAINING.train_loss):
        return np.empty(0), np.empty(0)
    steps, values = run.numbers(TRAINING.train_loss)
    kept = np.isfinite(values)
    return steps[kept].astype(np.float64), values[kept]


def final_loss(run: RunRecords) -> float:
    """Training loss over the last tenth of the steps; infinite for a run that diverged."""
    if diverged(run):
        return math.inf
    _, values = losses(run)
    return float(values[-max(1, len(values) // _LATE) :].mean())


def mean_loss(run: RunRecords) -> float:
    """Training loss over all steps, the area under its curve; infinite for one that diverged."""
    return math.inf if diverged(run) else float(losses(run)[1].mean())


def fall(run: RunRecords) -> float:
    """By how much the loss fell from the first step to the last tenth; 0 for one that diverged."""
    values = losses(run)[1]
    return 0.0 if diverged(run) or not values.size else float(values[0]) - final_loss(run)


def measured(run: RunRecords, quantity: Quantity) -> Values:
    """The finite values of a number at each measurement; empty if it was not read."""
    return _finite(run.numbers(quantity)[1]) if run.has(quantity) else np.empty(0)


def over_layers(run: RunRecords, quantity: Quantity) -> tuple[NDArray[np.int64], Values]:
    """The median over the layers behind the first at each measurement; empty if it was not read.

    Nothing trained stands before the first layer, so nothing can shift under it.
    """
    by_step: dict[int, list[float]] = {}
    for layer in run.layers[1:]:
        if run.has(quantity, layer):
            for step, value in zip(*run.numbers(quantity, layer), strict=True):
                by_step.setdefault(int(step), []).append(float(value))
    steps = sorted(by_step)
    medians = [_median(np.array(by_step[step])) for step in steps]
    return np.array(steps, dtype=np.int64), np.array(medians, dtype=np.float64)


def step_seconds(run: RunRecords) -> float:
    """Median wall time of a training step without a measurement, in seconds; NaN without any."""
    return _median(measured(run, TRAINING.step_seconds))


def median_of_measurements(run: RunRecords, quantity: Quantity) -> float:
    """Median over the measurements; NaN without any."""
    return _median(measured(run, quantity))


def median_of_layers(run: RunRecords, quantity: Quantity) -> float:
    """Median over layers and measurements; NaN without any."""
    return _median(over_layers(run, quantity)[1])


def _median(values: Values) -> float:
    finite = _finite(values)
    return float(np.median(finite)) if finite.size else math.nan


def _finite(values: Values) -> Values:
    return values[np.isfinite(values)]


def _listed(study: StudyRecords, name: str, found: list[_T] | None) -> list[_T]:
    if not found:
        raise RecordError(
            f"{name} = {found!r} of the study in {study.where}",
            "a comparison's manifest says what was compared",
            "run it again in a new folder",
        )
    return found
