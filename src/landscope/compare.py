"""The second main job: a model of the user's own with each norm, from functions to a report."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landscope.conduct import check_same_order, close_study, execute_runs, find_place, open_study
from landscope.errors import UsageError
from landscope.progress import Progress
from landscope.records.folder import StudyFolder
from landscope.study.comparison import (
    STUDY,
    Comparison,
    ComparisonRun,
    functions_of,
)
from landscope.study.import_path import code_digests
from landscope.study.listener import Listener

_GROWING = ("norms", "lrs", "seeds")
"""What a comparison that goes on may have more of."""


@dataclass(frozen=True)
class ComparisonOrder:
    """What is asked for.

    Args:
        comparison: What is compared.
        device: Device of the runs, as torch names it; None for the first GPU, else the CPU.
        out: Folder of the study.
        workers: Runs side by side; None for one a CPU core, or one on a GPU.
    """

    comparison: Comparison
    device: str | None
    out: Path
    workers: int | None

    def tell(self, runs: int) -> str:
        """What is asked for, in a few words with the number of its runs."""
        return f"{self.comparison.model}: {runs} runs with {', '.join(self.comparison.norms)}"


@dataclass(frozen=True)
class ComparisonTask:
    """One run of the comparison, as it is handed to a worker."""

    config: ComparisonRun
    folder: Path
    device: str
    threads: int


def compare(order: ComparisonOrder, listener: Listener) -> Path:
    """Do what is asked for, and give the path of the report. This runs the user's code.

    Runs that have ended in the folder are not run again, so the same order goes on where it was
    interrupted; one with more norms, learning rates or seeds adds to what is there.

    Raises:
        UsageError: The order cannot be fulfilled as it is; nothing has been written.
        LandscopeError: A run failed; the others are done, and the report waits for it.
    """
    started = time.perf_counter()
    folder = StudyFolder(order.out)
    folder.check()
    device, workers, threads = find_place(order.device, order.workers)
    configs = order.comparison.runs()
    workers, threads = _check_functions(order, device, workers, threads)
    asked = _asked(order.comparison, device)
    check_same_order(folder, {k: v for k, v in asked.items() if k not in (*_GROWING, "code")})
    _check_grows(folder, asked)
    folder.create()
    manifest = open_study(folder, asked, workers, threads)
    todo = [config for config in configs if not folder.run(config.id).outcome().ended]
    changed = {name: asked[name] for name in (*_GROWING, "code") if manifest[name] != asked[name]}
    if changed:
        manifest = {**manifest, **changed}
        folder.write_manifest(manifest)
    listener.begin(order, configs, [config.id for config in configs if config not in todo])
    # A study that goes on keeps its threads, on which sums depend in their last digits.
    threads = int(manifest["threads"])
    tasks = {
        config.id: ComparisonTask(config, folder.run(config.id).path, device, threads)
        for config in todo
    }
    workers = order.workers or int(manifest["workers"])
    execute_runs(run_task, tasks, len(configs), workers=workers, listener=listener)
    if todo:
        close_study(folder, manifest, started)
    from landscope.publish import publish

    return publish(order.out, listener.phase)


def run_task(task: ComparisonTask, report: Callable[[Progress], None]) -> str:
    """One run of the comparison, in whatever process; gives how it ended."""
    from landscope.machine import Machine
    from landscope.records.folder import RunFolder
    from landscope.run_comparison import run_comparison

    machine = Machine(task.device, task.threads)
    return run_comparison(task.config, RunFolder(task.folder), machine, report).status


def _check_functions(
    order: ComparisonOrder, device: str, workers: int, threads: int
) -> tuple[int, int]:
    """Try the user's functions with every norm; workers and threads, fewer where they must be.

    A loader with processes of its own cannot run inside of a worker process.
    """
    from landscope.machine import Machine
    from landscope.run_comparison import check_own

    first = order.comparison
    start = (first.lrs[0], first.seeds[0])
    configs = [each for each in first.runs() if (each.lr, each.seed) == start]
    loaders = check_own(configs, Machine(device, threads * workers))
    if loaders == 0 or workers == 1:
        return workers, threads
    if order.workers is not None:
        raise UsageError(
            f"workers = {workers} with a DataLoader of {loaders} workers",
            "a run in a worker process cannot start processes of its own",
            "give --workers 1, or make the DataLoader with num_workers=0",
        )
    return 1, threads * workers


def _asked(comparison: Comparison, device: str) -> dict[str, Any]:
    """What a study's folder must have been begun with, for the order to go on there."""
    plain = comparison.model_dump(mode="json")
    named = functions_of(comparison.model, comparison.data, comparison.loss, comparison.optimizer)
    return {"study": STUDY, **plain, "device": device, "code": code_digests(named)}


def _check_grows(folder: StudyFolder, asked: dict[str, Any]) -> None:
    """Refuse an order that leaves out runs which its folder has, or that is of other code."""
    if not folder.manifest_path.exists():
        return
    ended = any(run.outcome().ended for run in folder.runs())
    if ended and folder.manifest["code"] != asked["code"]:
        raise UsageError(
            f"the code of {asked['model']}",
            f"it has changed since the study in {folder.path} was begun",
            "give another --out to begin a new one, or put the code back to go on",
        )
    for name in _GROWING:
        lost = [value for value in folder.manifest[name] if value not in asked[name]]
        if lost:
            raise UsageError(
                f"{name} = {', '.join(map(str, asked[name]))} with the study in {folder.path}",
                f"it was begun with {', '.join(map(str, lost))} as well",
                "give those too, or another --out to begin a new one",
            )
