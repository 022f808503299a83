"""Tasks done here and in processes: alike, none stopped by another, no process left behind."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from landscope.runs.outcome import Failure
from landscope.studies.execution import Event, Job, execute

from . import jobs

ROOT = Path(__file__).parents[2]


def said(event: Event) -> Any:
    """What an event holds; of a failure all that is known, whenever it was."""
    return event.value.text if isinstance(event.value, Failure) else event.value


def events(job: Job, tasks: list[Any], workers: int) -> dict[int, list[tuple[str, Any]]]:
    """What was told of each task, in order."""
    found: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    execute(job, tasks, workers=workers, on_event=lambda e: found[e.task].append((e.kind, said(e))))
    return dict(found)


def test_tasks_are_done_alike_here_and_in_processes() -> None:
    tasks = [2, 3, 0, 5]
    here, there = events(jobs.square, tasks, 1), events(jobs.square, tasks, 2)
    assert here == there
    last = [here[at].pop() for at in range(len(tasks))]
    refused = ("error", "task = 3: this one is refused; give another")
    assert last == [("ok", 4), refused, ("ok", 0), ("ok", 25)]
    assert here == {
        at: [("progress", number) for number in range(task)] for at, task in enumerate(tasks)
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_fails_does_not_stop_the_others(workers: int) -> None:
    found = {at: told[-1] for at, told in events(jobs.square, [3, 4, 1, 2], workers).items()}
    assert found[0] == ("error", "task = 3: this one is refused; give another")
    kind, text = found[1]
    assert kind == "error"
    assert text.startswith("Traceback")
    assert text.endswith("ZeroDivisionError: a mistake in the program\n")
    assert (found[2], found[3]) == (("ok", 1), ("ok", 4))


def test_a_worker_that_dies_fails_its_own_task_only() -> None:
    tasks = ["killed", "one", "exits", "two", "killed", "three"]
    found = {at: told[-1] for at, told in events(jobs.fall, tasks, 2).items()}
    assert [found[at] for at in (1, 3, 5)] == [("ok", "one"), ("ok", "two"), ("ok", "three")]
    killed = (
        "its process was killed: a system does so when memory runs out; "
        "free some, or let fewer workers run side by side"
    )
    assert found[0] == found[4] == ("error", killed)
    assert found[2] == ("error", "its process ended by itself, with exit code 3; start it again")


def test_a_worker_killed_from_outside_fails_its_own_task_only() -> None:
    found: list[Event] = []

    def on_event(event: Event) -> None:
        found.append(event)
        if event.kind == "progress" and event.task == 0:
            os.kill(event.value, signal.SIGKILL)

    execute(jobs.sleep, [60.0, 0.01, 0.02], workers=2, on_event=on_event)
    ends = {event.task: event.kind for event in found if event.kind != "progress"}
    assert ends == {0: "error", 1: "ok", 2: "ok"}


def test_one_task_or_one_worker_needs_no_process() -> None:
    for tasks, workers in (([0], 2), ([0, 0], 1)):
        found = events(jobs.process_id, tasks, workers)
        assert {told[-1] for told in found.values()} == {("ok", os.getpid())}
    found = events(jobs.process_id, [0, 0], 2)
    assert ("ok", os.getpid()) not in [told[-1] for told in found.values()]


def test_nothing_to_do_is_done() -> None:
    assert events(jobs.square, [], 2) == {}


def test_a_listener_that_raises_leaves_no_process_behind() -> None:
    at_work: list[int] = []

    def on_event(event: Event) -> None:
        at_work.append(event.value)
        if len(at_work) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(jobs.sleep, [60.0, 60.0], workers=2, on_event=on_event)
    assert [process for process in at_work if is_alive(process)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, None])
def test_ctrl_c_ends_all_processes_without_a_word(delay: float | None) -> None:
    """At any time, also while the workers are being started, before they can ignore it."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.studies.jobs"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    if delay is None:
        assert [program.stdout.readline() for _ in range(2)] == ["progress\n", "progress\n"]
    else:
        time.sleep(delay)
    os.killpg(program.pid, signal.SIGINT)
    _, told = program.communicate(timeout=30)
    assert program.returncode == 130
    assert told == ""
    wait_until_gone(program.pid)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(group: int) -> None:
    """Python's own tracker of resources ends a moment after the program whose tracker it is."""
    deadline = time.monotonic() + 5.0
    while members := members_of(group):
        assert time.monotonic() < deadline, f"still there: {members}"
        time.sleep(0.02)


def members_of(group: int) -> list[str]:
    """The processes of a group that have not ended, from what the kernel tells."""
    found: list[str] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _, its_group, *_ = rest.split()
        if int(its_group) == group and state != "Z":
            found.append(name)
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_workers_end_with_the_process_that_was_killed(tmp_path: Path) -> None:
    """Killed, it cannot dismiss them, and whoever starts again must not meet them."""
    code = (
        "import sys\n"
        "from landscope.studies.execution import execute\n"
        "from tests.studies import jobs\n"
        "execute(jobs.note_and_sleep, sys.argv[1:], workers=2, on_event=lambda _: None)\n"
    )
    files = [str(tmp_path / name) for name in ("one", "two")]
    parent = subprocess.Popen([sys.executable, "-c", code, *files], cwd=ROOT)
    until = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [int(Path(file).read_text()) for file in files]
    parent.kill()
    parent.wait()
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
