"""A short run that is killed at each place in turn, and goes on: weights and readings, to the bit.

Three runs: a VGG with noise in its norm, the deep linear network with every probe, and a model of
a user's own with dropout, AdamW and a shuffling loader. Each is killed with SIGKILL before each of
its checkpoints, so after each step, in the midst of an epoch too; and before lines all through its
journal, so within steps, within looks and within the readings of one probe. Then the same run
is started again to its end, in another process, and compared with one that was left alone.
"""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from landscope.errors import LandscopeError
from landscope.runs import RunFolder, read_run
from landscope.runs.recording import Recording
from torture.bars import Least, Most
from torture.row import Form, Found
from torture.short_runs import RUNS, ShortRun

_SHORT_EVERY = 12  # of the places, one in so many in the short form


def run(form: Form) -> Found:
    """Kill each run at each place, and compare."""
    return stopped_everywhere(form, RUNS, None)


def stopped_everywhere(
    form: Form, runs: Sequence[ShortRun], fault: Callable[[], None] | None
) -> Found:
    """The same for some runs, and with a fault that is planted in each process."""
    rows: list[dict[str, str | int]] = []
    failures: list[dict[str, object]] = []
    for short_run in runs:
        alone = form.scratch / short_run.name / "left-alone"
        _start(short_run, alone, None, fault)
        places = _places(short_run, len(read_run(short_run.folder(alone)).all_readings), form.short)
        different = resumed = 0
        for what, count in places:
            place = form.scratch / short_run.name / f"{what}-{count}"
            _start(short_run, place, (what, count), fault)
            _start(short_run, place, None, fault)
            folder = short_run.folder(place)
            resumed += bool(RunFolder(folder).manifest.resumed)
            if _story(folder) != _story(short_run.folder(alone)):
                different += 1
                failures.append({"run": short_run.name, "killed at": f"{what} {count}"})
            shutil.rmtree(place)
        rows.append(
            {
                "run": short_run.name,
                "steps": short_run.steps,
                "killed between steps": sum(what == "save" for what, _ in places),
                "killed within steps": sum(what == "write" for what, _ in places),
                "went on at a checkpoint": resumed,
                "that ended otherwise": different,
            }
        )
    total = sum(int(row["that ended otherwise"]) for row in rows)
    on = sum(int(row["went on at a checkpoint"]) for row in rows)
    return Found(
        rows=rows,
        bars=[
            Most("runs with a byte that differs", total, 0),
            Least("runs that went on at a checkpoint", on, 1),
        ],
        failures=failures[:5],
    )


def _places(short_run: ShortRun, lines: int, short: bool) -> list[tuple[str, int]]:
    saves = [("save", count) for count in range(1, short_run.steps + 1)]
    writes = [("write", count) for count in range(1, lines + 1, short_run.every)]
    return [*saves[:: 3 if short else 1], *writes[:: _SHORT_EVERY if short else 1]]


def _story(folder: Path) -> tuple[Any, ...]:
    """Every byte that two runs must have in common."""
    try:
        found = read_run(folder)
        readings = [
            repr(replace(reading, seconds=0.0, value=0.0 if reading.is_timed else reading.value))
            for reading in found.all_readings
        ]
    except LandscopeError as error:
        return (str(error),)
    weights = RunFolder(folder).weights_path
    end = (found.outcome.status, found.outcome.step)
    return (readings, end, weights.read_bytes() if weights.exists() else None)


def _start(
    short_run: ShortRun,
    place: Path,
    stop: tuple[str, int] | None,
    fault: Callable[[], None] | None,
) -> None:
    """Do a run in a process of its own, to its end or to where it is killed."""
    # The server has loaded torch and has run nothing with it: to fork it is safe, and quick.
    context = multiprocessing.get_context("forkserver")
    kinds = ("santurkar2018", "comparison")
    context.set_forkserver_preload([f"landscope.studies.{kind}.training" for kind in kinds])
    process: BaseProcess = context.Process(target=_live, args=(short_run, place, stop, fault))
    process.start()
    process.join()
    expected = (-signal.SIGKILL,) if stop else (0,)
    if process.exitcode not in (*expected, 0):
        raise RuntimeError(f"{short_run.name} ended with exit code {process.exitcode}")


def _live(
    short_run: ShortRun,
    place: Path,
    stop: tuple[str, int] | None,
    fault: Callable[[], None] | None,
) -> None:
    if fault is not None:
        fault()
    if stop is not None:
        _die_at(*stop)
    short_run.do(place)


def _die_at(name: str, count: int) -> None:
    """Let the call of that number of a method of `Recording` be the last thing that happens."""
    method = getattr(Recording, name)
    calls = iter(range(1, count + 1))

    def counted(self: Recording, *args: Any) -> Any:
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(self, *args)

    setattr(Recording, name, counted)
