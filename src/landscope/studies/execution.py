"""Running the runs of a study: here, or side by side in processes of this machine.

The contract is small enough for a cluster engine to fulfil later: a job is called with a task and
a way to report, and ends as ``("ok", value)`` or ``("error", failure)``. Several starts of one task
must do no harm.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal, NamedTuple

from landscope.errors import LandscopeError
from landscope.runs.outcome import Failure, raised, refused

Job = Callable[[Any, Callable[[Any], None]], Any]
"""``job(task, report)``: does one task; importable by name, so that another process can."""

_STOP_SECONDS = 5.0
_SAFE_PATH = "PYTHONSAFEPATH"
_KILLED = -9  # by a signal that Windows does not name


class Event(NamedTuple):
    """Something that happened to a task.

    Args:
        kind: ``"progress"`` while it runs, ``"ok"`` or ``"error"`` once at its end.
        task: Position of the task.
        value: What was reported, what the job gave, or the failure.
    """

    kind: Literal["progress", "ok", "error"]
    task: int
    value: Any


def execute(
    job: Job, tasks: Sequence[Any], *, workers: int, on_event: Callable[[Event], None]
) -> None:
    """Do every task; one that fails does not stop the others.

    Args:
        job: Does one task.
        tasks: Values that can be pickled to a process of this machine.
        workers: Processes; with 1, the tasks are done here, one after the other.
        on_event: Called with each event: progress as it comes, and one ``"ok"`` or ``"error"`` for
            each task.
    """
    if workers == 1 or len(tasks) <= 1:
        for index, task in enumerate(tasks):
            on_event(_attempt(job, task, index, on_event))
    else:
        _Crew(job, tasks, min(workers, len(tasks)), on_event).work()


def _attempt(job: Job, task: Any, index: int, on_event: Callable[[Event], None]) -> Event:
    try:
        return Event(
            "ok", index, job(task, lambda value: on_event(Event("progress", index, value)))
        )
    except LandscopeError as error:
        return Event("error", index, refused(str(error)))
    except BrokenPipeError:
        raise
    except Exception as error:
        return Event("error", index, raised(error))


@dataclass
class _Worker:
    """A process, its end of the pipe, and the position of the task that it has in hand."""

    process: BaseProcess
    connection: Connection
    task: int | None = None


@dataclass
class _Crew:
    """Hands tasks to worker processes, one at a time each, and listens to them."""

    job: Job
    tasks: Sequence[Any]
    size: int
    on_event: Callable[[Event], None]
    workers: list[_Worker] = field(default_factory=list[_Worker])
    handed: int = 0

    def work(self) -> None:
        """Until every task has ended; on any way out, no process is left behind."""
        try:
            while self._hand_out():
                for connection in wait([worker.connection for worker in self.workers]):
                    self._listen(next(w for w in self.workers if w.connection is connection))
        finally:
            self._dismiss()

    def _hand_out(self) -> bool:
        """Give each free worker a task; whether anything is still in hand."""
        while len(self.workers) < self.size and self.handed < len(self.tasks):
            self.workers.append(self._hire())
        for worker in self.workers:
            if worker.task is None and self.handed < len(self.tasks):
                worker.task = self.handed
                self.handed += 1
                # A worker that died meanwhile is noticed when it is listened to.
                with suppress(BrokenPipeError):
                    worker.connection.send((worker.task, self.tasks[worker.task]))
        return any(worker.task is not None for worker in self.workers)

    def _hire(self) -> _Worker:
        # A fresh interpreter: a forked one would inherit torch's threads in an unknown state.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        known = _SAFE_PATH in os.environ
        process = context.Process(target=_serve, args=(self.job, theirs, known), daemon=True)
        with _standard_library_first(), _interrupts_held():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _listen(self, worker: _Worker) -> None:
        try:
            event = Event(*worker.connection.recv())
        except (EOFError, OSError):  # it died, perhaps in the middle of a message
            self._bury(worker)
            return
        if event.kind != "progress":
            worker.task = None
        self.on_event(event)

    def _bury(self, worker: _Worker) -> None:
        worker.process.join()
        self.workers.remove(worker)
        if worker.task is not None:
            self.on_event(Event("error", worker.task, _death(worker.process.exitcode)))

    def _dismiss(self) -> None:
        for worker in self.workers:
            worker.connection.close()
            if worker.task is not None:
                worker.process.terminate()
        for worker in self.workers:
            worker.process.join(_STOP_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


@contextmanager
def _standard_library_first() -> Generator[None]:
    """Start processes in which no file of this folder is taken for one of Python's own.

    A new process searches the current folder until it gets this path, and whoever starts
    there may have a types.py.
    """
    known = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if known is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = known


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Keep Ctrl-C from a process that is being started, until it ignores it by itself.

    A process inherits what is held back. Python's tracker of resources, which is started with the
    first process, would let it through again: it must be there before.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent() -> None:
    """End with the process that hands out the tasks, as where it is killed.

    Whoever starts the study again must not find a worker of before at its runs. To end at any
    instant does no harm: that is what checkpoints are for.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _death(exitcode: int | None) -> Failure:
    if exitcode == _KILLED:
        return refused(
            "its process was killed: a system does so when memory runs out; "
            "free some, or let fewer workers run side by side"
        )
    return refused(f"its process ended by itself, with exit code {exitcode}; start it again")


def _serve(job: Job, connection: Connection, safe_path: bool) -> None:
    """A worker's life: take a task, do it, tell, until the other end is closed."""
    if not safe_path:  # what the user's code starts is the user's own
        os.environ.pop(_SAFE_PATH, None)
    # Ctrl-C reaches the whole group of processes; the one that hands out the tasks decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            index, task = connection.recv()
            connection.send(_attempt(job, task, index, connection.send))
