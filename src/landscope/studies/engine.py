"""Conducting a study, whichever it is: its place, its manifest, its runs, what failed of them."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from landscope.errors import LandscopeError, RecordError, UsageError
from landscope.runs.folder import StudyFolder
from landscope.runs.manifest import Change, StudyManifest, describe_versions, manifest_of
from landscope.runs.outcome import failure_of
from landscope.runs.recording import changes, tidy
from landscope.studies.execution import Event, execute
from landscope.studies.keeping import Keeping
from landscope.studies.listener import Listener, Planned
from landscope.studies.progress import Progress

_Run = TypeVar("_Run", bound=Planned)
Job = Callable[[Any, Callable[[Progress], None]], Any]


def find_place(device: str | None, workers: int | None) -> tuple[str, int, int]:
    """Device, number of workers and threads of each.

    Args:
        device: As torch names it; None for the first GPU, else the CPU.
        workers: Runs side by side; None for one a CPU core, or one on a GPU.

    Raises:
        UsageError: The device is not there, or the number of workers is not positive.
    """
    if workers is not None and workers < 1:
        raise UsageError(
            f"workers = {workers}", "at least one run at a time", "give --workers 1 or more"
        )
    import torch  # takes seconds to load: not before the rest is known to be right

    from landscope.studies.machine import check_device

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    workers = workers or (cores if device == "cpu" else 1)
    # Fewer than the cores where OMP_NUM_THREADS or the caller said so.
    return device, workers, max(1, min(cores, torch.get_num_threads()) // workers)


def check_same_order(folder: StudyFolder, asked: Mapping[str, Any]) -> None:
    """Refuse to go on with a study that was begun otherwise; touches nothing.

    Args:
        folder: The study's folder, whether it exists or not.
        asked: What its manifest must have been begun with.

    Raises:
        UsageError: It was begun with something else.
    """
    if not folder.manifest_path.exists():
        return
    for name, begun in folder.manifest.unlike(asked).items():
        raise UsageError(
            f"{name} = {_brief(asked[name])} with the study in {folder.path}",
            f"it was begun with {name} = {_brief(begun)}",
            "give the same to go on with it, or another --out to begin a new one",
        )


def check_same_machine(
    folder: StudyFolder, device: str, threads: int, keeping: Keeping
) -> dict[str, Any]:
    """What the study's bits depend on here; refused where it was begun on something else.

    Args:
        folder: The study's folder, whether it exists or not.
        device: As torch names it.
        threads: Of each run; those of a study that goes on are what they were.
        keeping: Whether it goes on all the same.

    Raises:
        UsageError: A study with runs that are left was begun on something else.
    """
    from landscope.studies.machine import Machine

    found = folder.manifest if folder.manifest_path.exists() else None
    begun = (found.identity if found else None) or {}
    with Machine(device, (found.threads if found else None) or threads).prepared() as machine:
        identity = {**machine.identity, "landscope": describe_versions()["landscope"]}
    for name, now in changes(begun, identity).items():
        if not keeping.accept_changes:
            raise UsageError(
                f"{name} = {now[1]} with the study in {folder.path}",
                f"it was begun with {name} = {now[0]}, and its runs' last bits depend on that",
                "go on as it was begun, or give --accept-changes, which is recorded",
            )
    return identity


def planned(configs: Sequence[Planned]) -> list[dict[str, Any]]:
    """The runs of a study as its manifest holds them."""
    return [{"id": run.id, "steps": run.steps, "digest": run.digest} for run in configs]


def chosen(configs: Sequence[_Run], only: Sequence[str]) -> list[_Run]:
    """The runs of these ids, or all where none are given.

    Raises:
        UsageError: The study has no such run.
    """
    ids = [config.id for config in configs]
    for run in only:
        if run not in ids:
            close = get_close_matches(run, ids, n=1)
            raise UsageError(
                f"run = {run!r}",
                f"the study has {len(ids)} runs and none of that id",
                f"did you mean {close[0]!r}?" if close else "see `landscope status` for their ids",
            )
    return [config for config in configs if not only or config.id in only]


def left_of(folder: StudyFolder, configs: Sequence[_Run]) -> list[_Run]:
    """The runs that have not ended; of those that have, nothing but records is kept.

    Raises:
        RecordError: A run cannot be read, or has this name and another configuration.
    """
    left: list[_Run] = []
    for config in configs:
        run = folder.run(config.id)
        if not run.outcome().ended:
            left.append(config)
            continue
        if run.manifest.config_digest not in (None, config.digest):
            raise RecordError(
                str(run.path),
                "the run in it has another configuration",
                "choose another folder, or delete this one to measure again",
            )
        tidy(run)
    return left


def open_study(
    folder: StudyFolder,
    asked: Mapping[str, Any],
    runs: Sequence[Planned],
    identity: dict[str, Any] | None,
    workers: int,
    threads: int,
) -> StudyManifest:
    """The study's manifest: that of the folder where there is one, else a new one.

    Args:
        folder: The study's.
        asked: What it is begun with.
        runs: All of its runs.
        identity: What bits depend on, as ``check_same_machine`` gives it; None where none is left.
        workers: Runs side by side.
        threads: Of each run.
    """
    if folder.manifest_path.exists():
        return _changed(folder, identity or {})
    fields = {
        "format": 1,
        **asked,
        "runs": planned(runs),
        "identity": identity,
        "threads": threads,
        "workers": workers,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": None,
        **describe_versions(),
    }
    manifest = manifest_of(StudyManifest, fields)
    folder.write_manifest(manifest)
    return manifest


def _changed(folder: StudyFolder, identity: dict[str, Any]) -> StudyManifest:
    """The manifest of a study that goes on, with what has changed under it since it was begun."""
    manifest = folder.manifest
    found = changes(manifest.identity or {}, identity)
    if not found or identity in [change.to for change in manifest.changes]:
        return manifest
    now = datetime.now(UTC).isoformat(timespec="seconds")
    change = Change(when=now, names=list(found), to=identity)
    manifest = manifest.changed(changes=[*manifest.changes, change])
    folder.write_manifest(manifest)
    return manifest


def execute_runs(
    folder: StudyFolder,
    job: Job,
    tasks: Mapping[str, Any],
    total: int,
    *,
    workers: int,
    listener: Listener,
) -> None:
    """Do every run that is left; one that fails does not stop the others, and says why.

    Args:
        folder: The study's.
        job: Does one task.
        tasks: By the id of the run.
        total: Runs of the whole study.
        workers: Runs side by side.
        listener: Is told how it goes.

    Raises:
        LandscopeError: A run failed; the others are done, and the report waits for it.
    """
    runs: Sequence[str] = list(tasks)
    failures: list[str] = []

    def on_event(event: Event) -> None:
        if event.kind == "progress":
            listener.progress(event.value)
        elif event.kind == "error":
            run = runs[event.task]
            failures.append(run)
            listener.failed(run, event.value)
            with suppress(LandscopeError):  # a full disk cannot say that it is full
                folder.run(run).note_failure(failure_of(event.value))

    execute(job, list(tasks.values()), workers=workers, on_event=on_event)
    if failures:
        raise LandscopeError(
            f"{len(failures)} of {total} runs failed ({', '.join(failures)})",
            "a report needs all of its runs",
            "see above why, and start the same command again: runs that are done stay done, and "
            "`--run ID` takes up one alone",
        )


def close_study(folder: StudyFolder, manifest: StudyManifest, started: float) -> None:
    """Write down what the study has taken, and that all its runs have ended.

    Args:
        folder: The study's folder.
        manifest: Its manifest so far.
        started: When this part of it began, by ``time.perf_counter``.
    """
    seconds = (manifest.seconds or 0.0) + time.perf_counter() - started
    folder.write_manifest(manifest.changed(seconds=seconds))


def _brief(value: object) -> str:
    if isinstance(value, dict):  # a preset; two of one name differ by landscope's version
        preset = cast("dict[str, Any]", value)
        return f"{preset.get('name')} ({preset.get('summary')})"
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
