"""The main job: the paper's experiments, from a preset to records, figures and a report."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from landscope.cost import ProbeCost
from landscope.runs.folder import StudyFolder
from landscope.runs.manifest import StudyManifest
from landscope.studies.config import RunConfig
from landscope.studies.engine import (
    check_same_machine,
    check_same_order,
    chosen,
    close_study,
    execute_runs,
    find_place,
    left_of,
    open_study,
)
from landscope.studies.keeping import Keeping
from landscope.studies.listener import Listener
from landscope.studies.progress import Progress
from landscope.studies.santurkar2018.experiments import (
    STUDY,
    check_figures,
    check_seed,
    runs_behind,
)
from landscope.studies.santurkar2018.preset import Preset


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
        only: Ids of the runs to do; all that are left where empty.
        keeping: How each is kept against being stopped.
    """

    preset: Preset
    figures: tuple[int, ...]
    seed: int
    device: str | None
    out: Path
    data_dir: Path | None
    workers: int | None
    only: tuple[str, ...] = ()
    keeping: Keeping = field(default_factory=Keeping)

    def tell(self, runs: int) -> str:
        """What is asked for, in a few words with the number of its runs."""
        return f"{self.preset.name}: {runs} runs for figures {', '.join(map(str, self.figures))}"


@dataclass(frozen=True)
class Task:
    """One run of the study, as it is handed to a worker."""

    config: RunConfig
    folder: Path
    device: str
    threads: int
    data_dir: Path | None
    keeping: Keeping


def reproduce(order: Order, listener: Listener) -> Path | None:
    """Do what is asked for, and give the path of the report; None where runs are left for it.

    Runs that have ended in the folder are not run again, and one that was stopped goes on at its
    last checkpoint: the same order goes on where it was interrupted.

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
    wanted = chosen(configs, order.only)
    asked = _asked(order, device)
    check_same_order(folder, asked)
    check_data(configs, order.data_dir)
    folder.create()
    with folder.lock():
        todo = left_of(folder, wanted)
        identity = check_same_machine(folder, device, threads, order.keeping) if todo else None
        manifest = open_study(folder, asked, configs, identity, workers, threads)
        left = left_of(folder, configs)
        listener.begin(order, configs, [config.id for config in configs if config not in left])
        if todo:
            _do(order, todo, folder, manifest, len(configs), listener)
        if left_of(folder, configs):
            return None
        if todo:
            close_study(folder, manifest, started)
        from landscope.studies.publish import publish

        return publish(order.out, listener.phase)


def _do(
    order: Order,
    todo: list[RunConfig],
    folder: StudyFolder,
    manifest: StudyManifest,
    total: int,
    listener: Listener,
) -> None:
    # A study that goes on keeps its threads, on which sums depend in their last digits.
    threads, device = manifest.threads or 1, manifest.device or "cpu"
    listener.costs(_predict_costs(todo, threads, order.data_dir))
    # Long runs first, so that no worker is left with one at the end.
    todo = sorted(todo, key=lambda config: config.family != "vgg")
    tasks = {
        config.id: Task(
            config, folder.run(config.id).path, device, threads, order.data_dir, order.keeping
        )
        for config in todo
    }
    workers = order.workers or manifest.workers or 1
    execute_runs(folder, run_task, tasks, total, workers=workers, listener=listener)


def place(order: Order) -> tuple[str, int, int]:
    """Device, number of workers and threads of each.

    Raises:
        UsageError: The device is not there, or the number of workers is not positive.
    """
    return find_place(order.device, order.workers)


def run_task(task: Task, report: Callable[[Progress], None]) -> str:
    """One run of the study, in whatever process; gives how it ended."""
    from landscope.runs.folder import RunFolder
    from landscope.studies.machine import Machine
    from landscope.studies.santurkar2018.training import run

    machine = Machine(task.device, task.threads, task.data_dir)
    folder = RunFolder(task.folder)
    if folder.outcome().ended:  # it was started twice
        return folder.outcome().status
    return run(task.config, folder, machine, report, task.keeping).status


def _predict_costs(
    configs: list[RunConfig], threads: int, data_dir: Path | None
) -> dict[str, list[ProbeCost]]:
    """By the name of the network, from the run that has most probes of it."""
    from landscope.studies.machine import Machine
    from landscope.studies.santurkar2018.training import predict_costs

    # A norm has no products of matrices: the networks of a family differ little in arithmetic.
    chosen: dict[str, RunConfig] = {}
    for config in configs:
        known = chosen.get(config.model)
        if known is None or len(config.probes) > len(known.probes):
            chosen[config.model] = config
    machine = Machine("cpu", threads, data_dir)
    return {model: predict_costs(config, machine) for model, config in chosen.items()}


def check_data(configs: list[RunConfig], data_dir: Path | None) -> None:
    """Read every data set once, fetching it where it must be, before anything is begun.

    Raises:
        DataError: One is missing or damaged.
    """
    from landscope.data import load

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
