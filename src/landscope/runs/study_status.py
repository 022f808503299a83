"""How far a study is, told from its folder alone, while it runs or when it does not."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from landscope.errors import RecordError
from landscope.runs.folder import RunFolder, StudyFolder
from landscope.runs.outcome import Failure
from landscope.runs.replay import last_step

RunState = Literal["finished", "diverged", "running", "stopped", "failed", "missing"]
ENDED: tuple[RunState, ...] = ("finished", "diverged")


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is.

    Args:
        id: Name of the run.
        state: ``"stopped"`` where it has begun and nobody is at work on it, ``"missing"`` where
            it has not begun.
        step: The last step that there is a reading of; None before any.
        steps: Steps in all.
        seconds: What it took, or has been running for; None where that is not known.
        failure: Why it failed.
    """

    id: str
    state: RunState
    step: int | None
    steps: int
    seconds: float | None
    failure: Failure | None

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """How far a study is.

    Args:
        runs: All that are planned, in the order in which they are.
        conducted: Whether a process is at work on it.
        workers: Runs side by side.
    """

    runs: tuple[RunStatus, ...]
    conducted: bool
    workers: int

    @property
    def seconds_left(self) -> float | None:
        """What is left takes about so long; None where nothing tells how long a step takes.

        From the seconds a step of runs that are as long, else of all runs.
        """
        left = [run for run in self.runs if not run.ended]
        rates = _seconds_a_step(self.runs)
        mean = rates.get(None, math.nan)
        seconds = [_steps_left(run) * rates.get(run.steps, mean) for run in left]
        if not all(map(math.isfinite, seconds)):
            return None
        # Never faster than the longest that is left, however many work side by side.
        return max(sum(seconds) / max(1, self.workers), max(seconds, default=0.0))


def study_status(folder: StudyFolder) -> StudyStatus:
    """How far the study in a folder is; nothing is written there.

    Raises:
        RecordError: There is no study, or it is damaged.
    """
    manifest = folder.manifest
    ids = {run.id: run.steps for run in manifest.runs}
    for run in folder.runs():
        ids.setdefault(run.id, _steps_of(run.manifest.config))
    runs = tuple(_run_status(folder.run(run_id), steps) for run_id, steps in ids.items())
    return StudyStatus(runs, folder.is_conducted, manifest.workers or 1)


def _steps_of(config: Mapping[str, Any]) -> int:
    """Steps of a run that no plan names; of a configuration that may be anybody's."""
    steps = config.get("steps")
    return steps if type(steps) is int and 0 <= steps < 2**53 else 0


def _run_status(folder: RunFolder, steps: int) -> RunStatus:
    outcome = folder.outcome()
    if outcome.status == "finished" or outcome.status == "diverged":
        return RunStatus(folder.id, outcome.status, outcome.step, steps, outcome.seconds, None)
    step = last_step(folder.journal_path) if os.path.lexists(folder.journal_path) else None
    if folder.is_written:
        return RunStatus(folder.id, "running", step, steps, _running_for(folder), None)
    failure = folder.failure
    begun = os.path.lexists(folder.manifest_path)
    state: RunState = "failed" if failure else "stopped" if begun else "missing"
    return RunStatus(folder.id, state, step, steps, None, failure)


def _running_for(folder: RunFolder) -> float | None:
    """Seconds since the run was begun or taken up again; None in the instant before that."""
    try:
        begun = folder.manifest.begun
        return (datetime.now(UTC) - datetime.fromisoformat(str(begun))).total_seconds()
    except (RecordError, ValueError, TypeError):
        return None


def _steps_left(run: RunStatus) -> int:
    return run.steps - (0 if run.step is None else min(run.step + 1, run.steps))


def _seconds_a_step(runs: Iterable[RunStatus]) -> dict[int | None, float]:
    """The mean over runs of a length, by that, and over all runs, by None; where any is known."""
    known: dict[int | None, list[float]] = {}
    for run in runs:
        if run.seconds is not None and run.step is not None and run.state != "diverged":
            rate = run.seconds / (run.step + 1)
            for length in (run.steps, None):
                known.setdefault(length, []).append(rate)
    return {length: sum(rates) / len(rates) for length, rates in known.items()}
