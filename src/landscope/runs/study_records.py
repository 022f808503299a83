"""The records of a study, by id and by configuration, and its progress, from its folder alone."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from landscope.errors import RecordError
from landscope.runs.folder import RunFolder, StudyFolder
from landscope.runs.manifest import StudyManifest, read_as
from landscope.runs.outcome import Failure
from landscope.runs.replay import last_step
from landscope.runs.run_records import RunRecords, StoredRun

_T = TypeVar("_T")
_Settings = TypeVar("_Settings", bound=BaseModel)


class StudyRecords:
    """One study: its manifest and its runs.

    This one is in memory; ``read_study`` reads one from a folder.

    Args:
        manifest: What it was started with.
        runs: Its runs, finished or not.
    """

    def __init__(self, manifest: StudyManifest, runs: Iterable[RunRecords] = ()) -> None:
        self.manifest = manifest
        self.runs: dict[str, RunRecords] = {run.id: run for run in runs}
        self._settings: dict[type[BaseModel], Any] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.where!r}, runs={list(self.runs)})"

    @property
    def where(self) -> str:
        """Where it is, for an error."""
        return "memory"

    @property
    def _manifest_place(self) -> str:
        return f"a study in {self.where}"

    def settings(self, kind: type[_Settings]) -> _Settings:
        """The settings in the manifest of a kind of study, as a type; read once for each.

        Raises:
            RecordError: A field is missing, or is of another type.
        """
        if kind not in self._settings:
            self._settings[kind] = read_as(kind, self.manifest.content, self._manifest_place)
        return self._settings[kind]

    def has(self, **config: object) -> bool:
        """Whether any run has these fields in its configuration."""
        return bool(self._matching(config))

    def find(self, **config: object) -> RunRecords:
        """The one run that has these fields in its configuration.

        Raises:
            RecordError: None has, or more than one.
        """
        matching = self._matching(config)
        wanted = ", ".join(f"{name}={value!r}" for name, value in config.items())
        if not matching:
            raise RecordError(
                f"run with {wanted}", "the study has no such run", self._what_there_is(config)
            )
        if len(matching) > 1:
            ids = ", ".join(run.id for run in matching)
            raise RecordError(
                f"run with {wanted}", f"the study has several: {ids}", "give more of its fields"
            )
        return matching[0]

    def _matching(self, config: dict[str, object]) -> list[RunRecords]:
        return [run for run in self.runs.values() if _agrees(run.manifest.config, config)]

    def _what_there_is(self, config: dict[str, object]) -> str:
        if not self.runs:
            return "it has no runs; run it first"
        there: list[str] = []
        for name in config:
            configs = [run.manifest.config for run in self.runs.values()]
            values = [repr(config[name]) for config in configs if name in config]
            told = ", ".join(dict.fromkeys(values)) or "not in any configuration"
            there.append(f"{name}: {told}")
        return f"it has {'; '.join(there)}"


class StoredStudy(StudyRecords):
    """One study, as it was recorded, finished or not.

    Args:
        folder: The study's folder.

    Raises:
        RecordError: The manifest of the study or of a run is missing, damaged, or newer than this
            landscope, or a run's id is not its folder's name.
    """

    def __init__(self, folder: StudyFolder) -> None:
        self.folder = folder
        super().__init__(folder.manifest, map(_stored_run, folder.runs()))

    @property
    def where(self) -> str:
        """The folder's path."""
        return str(self.folder.path)

    @property
    def _manifest_place(self) -> str:
        return str(self.folder.manifest_path)


def _stored_run(folder: RunFolder) -> StoredRun:
    run = StoredRun(folder)
    if run.id != folder.id:
        raise RecordError(
            str(folder.path),
            f"the run in it has the id {run.id}",
            "give the folder its run's id again, or remove the copy",
        )
    return run


def _agrees(config: Mapping[str, Any], wanted: dict[str, object]) -> bool:
    return all(name in config and config[name] == value for name, value in wanted.items())


def read_study(path: str | os.PathLike[str]) -> StoredStudy:
    """The records of the study in a folder.

    Raises:
        RecordError: There is no study, or a manifest in it is damaged or newer than this landscope.
    """
    return StoredStudy(StudyFolder(Path(path)))


RunState = Literal["finished", "diverged", "running", "stopped", "failed", "missing"]
ENDED: tuple[RunState, ...] = ("finished", "diverged")


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is.

    Args:
        id: Name of the run.
        state: ``"stopped"`` if it has started and no process is working on it, ``"missing"`` if it
            has not started.
        step: The last step with a reading; None before any.
        steps: Steps in all.
        seconds: How long it took, or has been running; None if unknown.
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
        """Whether it has ended."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """How far a study is.

    Args:
        runs: All planned runs, in order.
        conducted: Whether a process is working on it.
        workers: Number of parallel runs.
    """

    runs: tuple[RunStatus, ...]
    conducted: bool
    workers: int

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left; None if the time of a step is unknown.

        Uses the seconds a step of equally long runs, or else of all runs.
        """
        left = [run for run in self.runs if not run.ended]
        rates = _seconds_a_step(self.runs)
        mean = rates.get(None, math.nan)
        seconds = [_steps_left(run) * rates.get(run.steps, mean) for run in left]
        if not all(map(math.isfinite, seconds)):
            return None
        # Never less than the longest run that is left, however many run in parallel.
        return max(sum(seconds) / max(1, self.workers), max(seconds, default=0.0))


def study_status(folder: StudyFolder) -> StudyStatus:
    """Progress of the study in a folder; nothing is written there.

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
    """Steps of a run outside the plan; its configuration may come from anyone."""
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
    """Seconds since the run was started or resumed; None in the instant before that."""
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
