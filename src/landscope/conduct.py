"""Conducting a study, whichever it is: its place, its manifest, its runs, what failed of them."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from landscope.environment import describe_versions
from landscope.errors import LandscopeError, UsageError
from landscope.progress import Progress
from landscope.records.folder import StudyFolder
from landscope.study.execution import Event, execute
from landscope.study.listener import Listener

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

    from landscope.device import check_device

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    workers = workers or (cores if device == "cpu" else 1)
    return device, workers, max(1, cores // workers)


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
    found = folder.manifest
    for name, value in asked.items():
        if found.get(name) != value:
            raise UsageError(
                f"{name} = {_brief(value)} with the study in {folder.path}",
                f"it was begun with {name} = {_brief(found.get(name))}",
                "give the same to go on with it, or another --out to begin a new one",
            )


def open_study(
    folder: StudyFolder, asked: Mapping[str, Any], workers: int, threads: int
) -> dict[str, Any]:
    """The study's manifest: that of the folder where there is one, else a new one."""
    if folder.manifest_path.exists():
        return folder.manifest
    manifest = {
        "format": 1,
        **asked,
        "threads": threads,
        "workers": workers,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": None,
        **describe_versions(),
    }
    folder.write_manifest(manifest)
    return manifest


def execute_runs(
    job: Job, tasks: Mapping[str, Any], total: int, *, workers: int, listener: Listener
) -> None:
    """Do every run that is left; one that fails does not stop the others.

    Args:
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
            failures.append(runs[event.task])
            listener.failed(runs[event.task], event.value)

    execute(job, list(tasks.values()), workers=workers, on_event=on_event)
    if failures:
        raise LandscopeError(
            f"{len(failures)} of {total} runs failed ({', '.join(failures)})",
            "a report needs all of its runs",
            "see above why, and start the same command again: the runs that are done stay done",
        )


def close_study(folder: StudyFolder, manifest: dict[str, Any], started: float) -> None:
    """Write down what the study has taken, and that all its runs have ended.

    Args:
        folder: The study's folder.
        manifest: Its manifest so far.
        started: When this part of it began, by ``time.perf_counter``.
    """
    seconds = float(manifest["seconds"] or 0.0) + time.perf_counter() - started
    folder.write_manifest({**manifest, "seconds": seconds})


def _brief(value: object) -> str:
    if isinstance(value, dict):  # a preset; two of one name differ by landscope's version
        preset = cast("dict[str, Any]", value)
        return f"{preset.get('name')} ({preset.get('summary')})"
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
