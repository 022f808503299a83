"""Jobs that another process can import by name, and a program that runs some."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from landscope.errors import UsageError
from landscope.studies.execution import Event, execute

Report = Callable[[Any], None]


def square(task: int, report: Report) -> int:
    """Reports each number up to the task, then gives its square; some numbers fail."""
    for number in range(task):
        report(number)
    if task == 3:
        raise UsageError("task = 3", "this one is refused", "give another")
    if task == 4:
        raise ZeroDivisionError("a mistake in the program")
    return task**2


def fall(task: str, report: Report) -> str:
    """Some tasks end their own process."""
    report(os.getpid())
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "exits":
        os._exit(3)
    return task


def sleep(task: float, report: Report) -> None:
    report(os.getpid())
    time.sleep(task)


def note_and_sleep(task: str, report: Report) -> None:
    """Notes its process in a file, and sleeps for longer than any test."""
    Path(task).write_text(str(os.getpid()))
    time.sleep(600)


def process_id(task: int, report: Report) -> int:
    return os.getpid()


def main() -> None:
    """Sleeps in two workers until it is interrupted, and says what it saw."""

    def tell(event: Event) -> None:
        print(event.kind, flush=True)  # noqa: T201

    print("begun", flush=True)  # noqa: T201
    try:
        execute(sleep, [60.0] * 4, workers=2, on_event=tell)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
