"""The runs that a claim compares: found by configuration, and run to their end."""

import math
from collections.abc import Iterable, Sequence

from landscope.norms.names import NormName
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.config import Family
from landscope.studies.santurkar2018.records import PaperRun


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

    Runs are compared over the looks before it: a landscape changes as training goes on, so the
    first looks of one are no match for all looks of another.
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
