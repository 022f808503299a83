"""The engine: runs any study, and any run of one, and takes up again what was stopped."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from landscope.errors import LandscopeError, RecordError, UsageError
from landscope.runs.folder import RunFolder, StudyFolder
from landscope.runs.manifest import RunManifest, describe_versions, manifest_of
from landscope.runs.outcome import Outcome
from landscope.runs.recording import Recording, tidy
from landscope.studies.execution import Event, execute
from landscope.studies.going_on import (
    check_same_machine,
    check_same_study,
    close_study,
    open_study,
)
from landscope.studies.kind import CHECKPOINT_SECONDS, Diverged, Kind, Order, RunConfig, Training
from landscope.studies.listener import Listener, Progress, Report
from landscope.studies.machine import Machine, Place, find_place
from landscope.studies.packing import Packed
from landscope.studies.publish import publish
from landscope.studies.training_state import TrainingState, room_for

Begin = Callable[[Any, Machine], Training]

_Run = TypeVar("_Run", bound=RunConfig)
_REPORT_SECONDS = 0.2


def run_study(study: Kind, order: Order, listener: Listener) -> Path | None:
    """Run a study, and give the path of its report; None where runs are left for it.

    Runs that have ended in the folder are not run again, and one that was stopped goes on at its
    last checkpoint: the same order goes on where it was interrupted.

    Args:
        study: What is run.
        order: Where and how.
        listener: Hears how it goes.

    Raises:
        UsageError: It cannot be run so; nothing has been written.
        LandscopeError: A run failed; the others are done, and the report waits for it.
    """
    started = time.perf_counter()
    folder = StudyFolder(order.out)
    folder.check()
    place = find_place(order.device, order.workers)
    runs = study.runs()
    wanted = chosen(runs, order.only)
    code = study.code()
    asked = {"study": study.name, **study.asked(), "device": place.device}
    asked |= {} if code is None else {"code": code}
    check_same_study(folder, study, asked)
    place = _prepared(study, order, place)
    folder.create()
    with folder.lock():
        todo, accepted = left_of(folder, wanted), order.accept_changes
        machine = Machine(place.device, place.threads)
        identity = check_same_machine(folder, machine, accept_changes=accepted) if todo else None
        manifest = open_study(folder, asked, runs, identity, place)
        left = left_of(folder, runs)
        done = [run.id for run in runs if run not in left]
        listener.begin(study.title(), order.out, runs, done)
        if todo:
            # A study that goes on keeps its threads, on which sums depend in their last digits.
            machine = Machine(manifest.device or place.device, manifest.threads or place.threads)
            workers = order.workers or manifest.workers or place.workers
            _execute(study, order, todo, machine, workers, len(runs), listener)
        if left_of(folder, runs):
            return None
        if todo:
            close_study(folder, manifest, started)
        return publish(order.out, listener.phase)


def _prepared(study: Kind, order: Order, place: Place) -> Place:
    """The place, where the runs start no processes of their own; else with one worker."""
    processes = study.prepare(place.whole)
    if processes == 0 or place.workers == 1:
        return place
    if order.workers is not None:
        raise UsageError(
            f"workers = {place.workers} with a DataLoader of {processes} workers",
            "a run in a worker process cannot start processes of its own",
            "give --workers 1, or make the DataLoader with num_workers=0",
        )
    return place.with_one_worker()


def chosen(runs: Sequence[_Run], only: Sequence[str]) -> list[_Run]:
    """The runs of these ids, or all where none are given.

    Raises:
        UsageError: The study has no such run.
    """
    ids = [run.id for run in runs]
    for name in only:
        if name not in ids:
            close = get_close_matches(name, ids, n=1)
            raise UsageError(
                f"run = {name!r}",
                f"the study has {len(ids)} runs and none of that id",
                f"did you mean {close[0]!r}?" if close else "see `landscope status` for their ids",
            )
    return [run for run in runs if not only or run.id in only]


def left_of(folder: StudyFolder, runs: Sequence[_Run]) -> list[_Run]:
    """The runs that have not ended; of those that have, nothing but records is kept.

    Raises:
        RecordError: A run cannot be read, or has this name and another configuration.
    """
    left: list[_Run] = []
    for config in runs:
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


@dataclass(frozen=True)
class Task:
    """One run of a study, as it is handed to a worker."""

    study: Kind
    config: Any
    folder: Path
    machine: Machine
    checkpoint_every: float = CHECKPOINT_SECONDS
    accept_changes: bool = False


def run_task(task: Task, report: Report) -> str:
    """One run of a study, in whatever process; gives how it ended."""
    folder = RunFolder(task.folder)
    if folder.outcome().ended:  # it was started twice
        return folder.outcome().status
    return run(
        task.study.begin,
        task.config,
        folder,
        task.machine,
        report,
        checkpoint_every=task.checkpoint_every,
        accept_changes=task.accept_changes,
    ).status


def _execute(
    study: Kind,
    order: Order,
    todo: Sequence[Any],
    machine: Machine,
    workers: int,
    total: int,
    listener: Listener,
) -> None:
    """Do every run that is left; one that fails does not stop the others, and says why."""
    costs = study.costs(todo, machine)
    if costs:
        listener.costs(costs)
    folder = StudyFolder(order.out)
    every, accepted = order.checkpoint_every, order.accept_changes
    tasks = [
        Task(study, config, folder.run(config.id).path, machine, every, accepted)
        for config in study.in_order(todo)
    ]
    failures: list[str] = []

    def on_event(event: Event) -> None:
        if event.kind == "progress":
            listener.progress(event.value)
        elif event.kind == "error":
            failed = tasks[event.task].config.id
            failures.append(failed)
            listener.failed(failed, event.value.text)
            with suppress(LandscopeError):  # a full disk cannot say that it is full
                folder.run(failed).note_failure(event.value)

    execute(run_task, tasks, workers=workers, on_event=on_event)
    if failures:
        raise LandscopeError(
            f"{len(failures)} of {total} runs failed ({', '.join(failures)})",
            "a report needs all of its runs",
            "see above why, and start the same command again: runs that are done stay done, and "
            "`--run ID` takes up one alone",
        )


def run(
    begin: Begin,
    config: RunConfig,
    folder: RunFolder,
    machine: Machine,
    report: Report,
    *,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    accept_changes: bool = False,
) -> Outcome:
    """Train one network with its probes, and leave its records in the folder.

    A training whose loss stops being finite ends there: its outcome is "diverged", with the step.
    One that was stopped at any instant goes on from its last checkpoint and ends with the same
    weights and readings as if it had not been, but for those that a clock measured. Where its state
    does not come back to the bit, it begins again, and loses nothing but time.

    Args:
        begin: Sets up the training.
        config: What to run.
        folder: Where its records go; a run that has ended there is never overwritten.
        machine: Where to run it.
        report: Called with the progress of the run, a few times a second.
        checkpoint_every: As for an ``Order``.
        accept_changes: As for an ``Order``.

    Raises:
        LandscopeError: The configuration, the data or the disk does not allow the run, or the
            loss is not finite at the initial weights.
    """
    report(Progress(config.id, "setting up", 0, config.steps))
    with machine.prepared():
        # Whatever cannot be is refused here, before anything is written.
        training = begin(config, machine)
        manifest = _manifest(config, training, machine)
        records = Recording(
            folder, manifest, checkpoint_every=checkpoint_every, accept_changes=accept_changes
        )
        with records as recording, ExitStack() as measuring:

            def measured(training: Training) -> Training:
                measuring.enter_context(training.measured(recording.write))
                return training

            training, start = _resumed(
                recording, measured(training), lambda: measured(begin(config, machine))
            )
            status, step = _train(config, training, start, recording, report)
            measuring.close()
            weights = training.end(step)
            outcome = Outcome(status, step, recording.seconds)
            recording.finish(outcome, weights)
    report(Progress(config.id, status, config.steps, config.steps))
    return outcome


def _resumed(
    recording: Recording, training: Training, anew: Callable[[], Training]
) -> tuple[Training, int]:
    """The training at its last checkpoint, and the steps that it has behind it; else anew."""
    state = TrainingState(training.parts())
    packed = state.pack()
    if packed is None:
        recording.no_checkpoints()
    checkpoint = recording.newest(at_most=room_for(packed))
    if checkpoint and not state.restore(Packed(checkpoint.values, checkpoint.tensors)):
        checkpoint, training = None, anew()
    recording.begin(checkpoint)
    return training, checkpoint.step if checkpoint else 0


def _train(
    config: RunConfig, training: Training, start: int, recording: Recording, report: Report
) -> tuple[Any, int]:
    """Take the steps that are left; how the training ended, and at which."""
    reported, state = time.monotonic(), TrainingState(training.parts())
    try:
        for done in training.steps(start):
            if recording.due:
                packed = state.pack()
                if packed is None:
                    recording.no_checkpoints()
                else:
                    recording.save(done, packed.values, packed.tensors)
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                report(Progress(config.id, "training", done, config.steps))
    except Diverged as end:
        return "diverged", end.step
    return "finished", config.steps


def _manifest(config: RunConfig, training: Training, machine: Machine) -> RunManifest:
    fields = {
        "format": 1,
        "id": config.id,
        "config": config.model_dump(mode="json"),
        "layers": training.layers,
        "seed": config.seed,
        "device": machine.device,
        "threads": machine.threads,
        "config_digest": config.digest,
        **training.facts,
        "identity": machine.identity,
        **describe_versions(),
    }
    return manifest_of(RunManifest, fields)
