"""The second main job: a model of the user's own with each norm, from functions to a report."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from landscope.errors import UsageError
from landscope.runs.folder import StudyFolder
from landscope.runs.manifest import StudyManifest, manifest_of, read_as
from landscope.studies.comparison.configuration import (
    STUDY,
    Comparison,
    ComparisonRun,
    functions_of,
)
from landscope.studies.comparison.import_path import code_digests
from landscope.studies.comparison.records import Compared
from landscope.studies.engine import (
    check_same_machine,
    check_same_order,
    chosen,
    close_study,
    execute_runs,
    find_place,
    left_of,
    open_study,
    planned,
)
from landscope.studies.keeping import Keeping
from landscope.studies.listener import Listener
from landscope.studies.progress import Progress

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
        only: Ids of the runs to do; all that are left where empty.
        keeping: How each is kept against being stopped.
    """

    comparison: Comparison
    device: str | None
    out: Path
    workers: int | None
    only: tuple[str, ...] = ()
    keeping: Keeping = field(default_factory=Keeping)

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
    keeping: Keeping


def compare(order: ComparisonOrder, listener: Listener) -> Path | None:
    """Do what is asked for, and give the path of the report; None where runs are left for it.

    This runs the user's code. Runs that have ended in the folder are not run again, and one that
    was stopped goes on at its last checkpoint: the same order goes on where it was interrupted;
    one with more norms, learning rates or seeds adds to what is there.

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
    wanted = chosen(configs, order.only)
    asked = _asked(order.comparison, device)
    check_same_order(folder, {k: v for k, v in asked.items() if k not in (*_GROWING, "code")})
    _check_grows(folder, asked)
    folder.create()
    with folder.lock():
        todo = left_of(folder, wanted)
        identity = check_same_machine(folder, device, threads, order.keeping) if todo else None
        manifest = open_study(folder, asked, configs, identity, workers, threads)
        manifest = _grown(folder, manifest, {**asked, "runs": planned(configs)})
        left = left_of(folder, configs)
        listener.begin(order, configs, [config.id for config in configs if config not in left])
        _do(order, todo, folder, manifest, len(configs), listener)
        if left_of(folder, configs):
            return None
        if todo:
            close_study(folder, manifest, started)
        from landscope.studies.publish import publish

        return publish(order.out, listener.phase)


def _grown(folder: StudyFolder, manifest: StudyManifest, asked: dict[str, Any]) -> StudyManifest:
    """The manifest with what the order has more of."""
    names = (*_GROWING, "runs", "code")
    differing = manifest.unlike({name: asked[name] for name in names})
    if not differing:
        return manifest
    manifest = manifest_of(
        StudyManifest, {**manifest.content, **{name: asked[name] for name in differing}}
    )
    folder.write_manifest(manifest)
    return manifest


def _do(
    order: ComparisonOrder,
    todo: list[ComparisonRun],
    folder: StudyFolder,
    manifest: StudyManifest,
    total: int,
    listener: Listener,
) -> None:
    # A study that goes on keeps its threads, on which sums depend in their last digits.
    threads, device = manifest.threads or 1, manifest.device or "cpu"
    tasks = {
        config.id: ComparisonTask(
            config, folder.run(config.id).path, device, threads, order.keeping
        )
        for config in todo
    }
    workers = order.workers or manifest.workers or 1
    execute_runs(folder, run_task, tasks, total, workers=workers, listener=listener)


def run_task(task: ComparisonTask, report: Callable[[Progress], None]) -> str:
    """One run of the comparison, in whatever process; gives how it ended."""
    from landscope.runs.folder import RunFolder
    from landscope.studies.comparison.training import run_comparison
    from landscope.studies.machine import Machine

    machine = Machine(task.device, task.threads)
    folder = RunFolder(task.folder)
    if folder.outcome().ended:  # it was started twice
        return folder.outcome().status
    return run_comparison(task.config, folder, machine, report, task.keeping).status


def _check_functions(
    order: ComparisonOrder, device: str, workers: int, threads: int
) -> tuple[int, int]:
    """Try the user's functions with every norm; workers and threads, fewer where they must be.

    A loader with processes of its own cannot run inside of a worker process.
    """
    from landscope.studies.comparison.parts import check_own
    from landscope.studies.machine import Machine

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
    begun = folder.manifest
    there = read_as(Compared, begun.content, str(folder.manifest_path))
    ended = any(run.outcome().ended for run in folder.runs())
    if ended and begun.code != asked["code"]:
        raise UsageError(
            f"the code of {asked['model']}",
            f"it has changed since the study in {folder.path} was begun",
            "give another --out to begin a new one, or put the code back to go on",
        )
    grows = {"norms": there.norms, "lrs": there.lrs, "seeds": there.seeds}
    for name, values in grows.items():
        lost = [value for value in values or () if value not in asked[name]]
        if lost:
            raise UsageError(
                f"{name} = {', '.join(map(str, asked[name]))} with the study in {folder.path}",
                f"it was begun with {', '.join(map(str, lost))} as well",
                "give those too, or another --out to begin a new one",
            )
