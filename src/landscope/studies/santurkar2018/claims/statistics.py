"""What the claims compare: runs that have ended, and statistics over their steps and layers."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from landscope.errors import RecordError
from landscope.norms.names import NormName
from landscope.quantities import TRAINING, Quantity
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.experiments import Family, PaperRun

Values = NDArray[np.float64]

CHANCE = 0.1
"""Accuracy of a guess: all the paper's images come in ten classes."""


def find_ended(study: StudyRecords, family: Family, norm: NormName, lr: float) -> RunRecords | None:
    """The run of that configuration; None where there is none, or it has not ended yet.

    Half a run would be compared with a whole one, and its answer would change as it goes on.
    """
    for run in study.runs.values():
        run.settings(PaperRun)  # one of other types is not judged, even by leaving it out
    fields = {"family": family, "norm": norm, "lr": lr}
    if not study.has(**fields):
        return None
    run = study.find(**fields)
    return run if run.outcome.ended else None


def find_all_ended(
    study: StudyRecords, family: Family, norms: Sequence[NormName], lr: float
) -> list[RunRecords] | None:
    """A run for each norm at one learning rate; None unless all of them have ended."""
    found = [find_ended(study, family, norm, lr) for norm in norms]
    runs = [run for run in found if run is not None]
    return runs if len(runs) == len(norms) else None


def first_divergence(runs: Iterable[RunRecords]) -> float:
    """The first step at which any of the runs diverged; infinite where none did.

    Runs are compared over the measurements before it: a landscape changes during training, so the
    first measurements of one run cannot be compared with all measurements of another.
    """
    steps = [run.outcome.step for run in runs if run.outcome.status == "diverged"]
    return float(min((step for step in steps if step is not None), default=math.inf))


def tell_divergence(runs: Iterable[RunRecords], consequence: str) -> tuple[str, ...]:
    """A sentence for each run that diverged, and what follows from it for the comparison."""
    return tuple(
        f"{run.id} diverged at step {run.outcome.step}: {consequence}."
        for run in runs
        if run.outcome.status == "diverged"
    )


def finite(values: Values) -> Values:
    """Those values that are numbers; a diverged run ends with some that are not."""
    return values[np.isfinite(values)]


def planned_steps(run: RunRecords) -> int:
    """Steps that the run was to take.

    Raises:
        RecordError: Its configuration does not say.
    """
    steps = run.settings(PaperRun).steps
    if steps is None:
        raise RecordError(
            f"steps = {steps!r} of run {run.id}",
            "a run's configuration says how many steps it has",
            "run it again in a new folder",
        )
    return steps


def mean_accuracy(run: RunRecords) -> float:
    """Training accuracy, averaged over all steps of the run: the area under its curve.

    It is high for a network that learns early, and needs no level to be chosen. A point of the
    curve stands for the steps up to the next; the steps that a diverged run did not take count
    as chance.
    """
    steps, accuracy = run.numbers(TRAINING.train_accuracy)
    planned = planned_steps(run)
    taken = int(steps[-1]) + 1 if run.outcome.status == "diverged" else planned
    stands_for = np.diff(np.append(steps, taken))
    return float((np.sum(accuracy * stands_for) + CHANCE * (planned - taken)) / planned)


def late_accuracy(run: RunRecords) -> float:
    """Training accuracy over the last tenth of the steps; chance for a diverged run."""
    if run.outcome.status == "diverged":
        return CHANCE
    _, accuracy = run.numbers(TRAINING.train_accuracy)
    return float(np.mean(accuracy[-max(1, len(accuracy) // 10) :]))


def accuracy_by_step(run: RunRecords, parts: int) -> list[tuple[int, float]]:
    """Training accuracy over equal parts of the planned steps.

    Returns:
        For each part the step at which it ends and the mean of the points in it; NaN for a part
        that has none, as after a divergence.
    """
    steps, accuracy = run.numbers(TRAINING.train_accuracy)
    planned = planned_steps(run)
    parts = min(parts, planned)
    edges = [planned * part // parts for part in range(parts + 1)]
    means: list[tuple[int, float]] = []
    for start, end in pairwise(edges):
        inside = accuracy[(steps >= start) & (steps < end)]
        means.append((end, float(np.mean(inside)) if inside.size else math.nan))
    return means


def over_layers(run: RunRecords, quantity: Quantity, before: float) -> Values:
    """The finite values of a quantity in every layer that has it, without the first layer.

    Nothing trained stands before the first layer, so nothing can shift under it.

    Args:
        run: The run.
        quantity: What was measured.
        before: Only measurements before this step.

    Returns:
        All layers' values one after the other; none where no layer has any.
    """
    found = [np.empty(0)]
    for layer in run.layers[1:]:
        if run.has(quantity, layer):
            steps, values = run.numbers(quantity, layer)
            found.append(values[steps < before])
    return finite(np.concatenate(found))


def has_over_layers(run: RunRecords, quantity: Quantity) -> bool:
    """Whether any layer but the first has the quantity."""
    return any(run.has(quantity, layer) for layer in run.layers[1:])


def on_grid(run: RunRecords, quantity: Quantity, before: float) -> Values:
    """A quantity that is a list over a grid: one row for each measurement before a step."""
    steps, values = run.series(quantity)
    rows = values if values.ndim == 2 else values[:, np.newaxis]
    return rows[steps < before]


def largest(rows: Values) -> Values:
    """The largest value of each row; infinite where any overflowed, for that is larger still."""
    largest = np.full(len(rows), np.inf)
    whole = np.isfinite(rows).all(axis=1)
    largest[whole] = rows[whole].max(axis=1)
    return largest


def spread(rows: Values) -> Values:
    """The largest minus the smallest value of each row; infinite where any overflowed."""
    spread = np.full(len(rows), np.inf)
    whole = np.isfinite(rows).all(axis=1)
    spread[whole] = np.ptp(rows[whole], axis=1)
    return spread


def median(values: Iterable[float]) -> float:
    """The median; NaN where nothing is left to take it of."""
    array = np.asarray(list(values), dtype=np.float64)
    return float(np.median(array)) if array.size else math.nan
