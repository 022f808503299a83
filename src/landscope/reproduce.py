"""The main job: the paper's experiments, from a preset to records, figures and a report."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from landscope.cost import ProbeCost
from landscope.environment import describe_versions
from landscope.errors import LandscopeError, UsageError
from landscope.progress import Progress
from landscope.records.folder import StudyFolder
from landscope.study.config import RunConfig
from landscope.study.execution import Event, execute
from landscope.study.preset import Preset
from landscope.study.santurkar2018 import check_figures, check_seed, runs_behind

STUDY = "santurkar2018"


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Args:
        preset: The size.
        figures: Numbers of the figures; all of them where empty.
        seed: Seed of every run.
        device: Device of the runs, as torch names it; None for the first GPU, else the CPU.
        out: Folder of the study.
        data_dir: Folder with data sets that are not bundled; None to fetch them.
        workers: Runs side by side; None for one a CPU core, or one on a GPU.
    """

    preset: Preset
    figures: tuple[int, ...]
    seed: int
    device: str | None
    out: Path
    data_dir: Path | None
    workers: int | None


@dataclass(frozen=True)
class Task:
    """One run of the study, as it is handed to a worker."""

    config: RunConfig
    folder: Path
    device: str
    threads: int
    data_dir: Path | None


class Listener:
    """Is told how the study goes. This one does not listen."""

    def begin(self, order: Order, runs: list[RunConfig], done: list[str]) -> None:
        """Before the first run; ``done`` are those that had ended before."""

    def costs(self, costs: Mapping[str, list[ProbeCost]]) -> None:
        """Before the first run: what its probes will cost, for each kind of network."""

    def progress(self, progress: Progress) -> None:
        """A few times a second, for each run at work."""

    def phase(self, name: str) -> None:
        """When something other than runs begins."""

    def failed(self, run: str, reason: str) -> None:
        """When a run could not be done."""


def reproduce(order: Order, listener: Listener) -> Path:
    """Do what is asked for, and give the path of the report.

    Runs that have ended in the folder are not run again, so the same order goes on where it was
    interrupted.

    Raises:
        UsageError: The order cannot be fulfilled as it is; nothing has been written.
        LandscopeError: A run failed; the others are done, and the report waits for it.
    """
    started = time.perf_counter()
    check_seed(order.seed)
    order = replace(order, figures=check_figures(order.figures))
    folder = StudyFolder(order.out)
    folder.check()
    device, workers, threads = place(order)
    configs = runs_behind(order.preset, order.figures, order.seed)
    asked = _asked(order, device)
    _check_same_order(folder, asked)
    check_data(configs, order.data_dir)
    folder.create()
    manifest = _open(folder, asked, workers, threads)
    todo = [config for config in configs if not folder.run(config.id).outcome().ended]
    listener.begin(order, configs, [config.id for config in configs if config not in todo])
    # A study that goes on keeps its threads, on which sums depend in their last digits.
    threads = int(manifest["threads"])
    if todo:
        listener.costs(_predict_costs(todo, threads, order.data_dir))
    tasks = [
        Task(config, folder.run(config.id).path, device, threads, order.data_dir) for config in todo
    ]
    failures = _execute(tasks, order.workers or int(manifest["workers"]), listener)
    if failures:
        raise LandscopeError(
            f"{len(failures)} of {len(configs)} runs failed ({', '.join(failures)})",
            "a report needs all of its runs",
            "see above why, and start the same command again: the runs that are done stay done",
        )
    if todo:
        seconds = float(manifest["seconds"] or 0.0) + time.perf_counter() - started
        folder.write_manifest({**manifest, "seconds": seconds})
    from landscope.publish import publish

    return publish(order.out, listener.phase)


def place(order: Order) -> tuple[str, int, int]:
    """Device, number of workers and threads of each.

    Raises:
        UsageError: The device is not there, or the number of workers is not positive.
    """
    if order.workers is not None and order.workers < 1:
        raise UsageError(
            f"workers = {order.workers}", "at least one run at a time", "give --workers 1 or more"
        )
    import torch  # takes seconds to load: not before the rest is known to be right

    from landscope.device import check_device

    device = order.device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    workers = order.workers or (cores if device == "cpu" else 1)
    return device, workers, max(1, cores // workers)


def run_task(task: Task, report: Callable[[Progress], None]) -> str:
    """One run of the study, in whatever process; gives how it ended."""
    from landscope.records.folder import RunFolder
    from landscope.run import Machine, run

    machine = Machine(task.device, task.threads, task.data_dir)
    return run(task.config, RunFolder(task.folder), machine, report).status


def _predict_costs(
    configs: list[RunConfig], threads: int, data_dir: Path | None
) -> dict[str, list[ProbeCost]]:
    """By the name of the network, from the run that has most probes of it."""
    from landscope.run import Machine, predict_costs

    # A norm has no products of matrices: the networks of a family differ little in arithmetic.
    chosen: dict[str, RunConfig] = {}
    for config in configs:
        known = chosen.get(config.model)
        if known is None or len(config.probes) > len(known.probes):
            chosen[config.model] = config
    machine = Machine("cpu", threads, data_dir)
    return {model: predict_costs(config, machine) for model, config in chosen.items()}


def _execute(tasks: list[Task], workers: int, listener: Listener) -> list[str]:
    failures: list[str] = []

    def on_event(event: Event) -> None:
        run = tasks[event.task].config.id
        if event.kind == "progress":
            listener.progress(event.value)
        elif event.kind == "error":
            failures.append(run)
            listener.failed(run, event.value)

    # Long runs first, so that no worker is left with one at the end.
    tasks.sort(key=lambda task: task.config.family != "vgg")
    execute(run_task, tasks, workers=workers, on_event=on_event)
    return failures


def check_data(configs: list[RunConfig], data_dir: Path | None) -> None:
    """Read every data set once, fetching it where it must be, before anything is begun.

    Raises:
        DataError: One is missing or damaged.
    """
    from landscope.data.table import load

    for name in sorted({config.data for config in configs}):
        load(name, data_dir=data_dir)


def _asked(order: Order, device: str) -> dict[str, Any]:
    """What a study's folder must have been begun with, for the order to go on there."""
    return {
        "study": STUDY,
        "preset": order.preset.model_dump(mode="json"),
        "figures": list(order.figures),
        "seed": order.seed,
        "device": device,
    }


def _check_same_order(folder: StudyFolder, asked: dict[str, Any]) -> None:
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


def _brief(value: object) -> str:
    if isinstance(value, dict):  # a preset; two of one name differ by landscope's version
        preset = cast("dict[str, Any]", value)
        return f"{preset.get('name')} ({preset.get('summary')})"
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)


def _open(folder: StudyFolder, asked: dict[str, Any], workers: int, threads: int) -> dict[str, Any]:
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
