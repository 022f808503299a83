"""A study whose processes are killed again and again, and what is left of it in the end.

Twelve runs, two workers, a checkpoint after every step. A process of the study, the one that hands
out the runs or one that does them, is killed with SIGKILL at a random instant, and the same command
is started again, until all runs have ended. Where too few kills fell into the writing of a
checkpoint, the killer waits for one to begin. Afterwards the study's table of results must be, byte
for byte, that of one that was left alone.
"""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.provenance import ROOT
from landscope.errors import LandscopeError
from landscope.runs import export_table, read_study
from landscope.runs.body import reading_to_json
from torture import small_study
from torture.bars import Least, Most
from torture.row import Form, Found, NotRunError

RUNS = 12
KILLS = 100
IN_CHECKPOINTS = 20
_LONGEST_SECONDS = 1.5  # from the first step of a life to its end
_START_SECONDS = 120.0


def run(form: Form) -> Found:
    """Kill, start again, and compare."""
    if not Path("/proc/self/task").exists():
        raise NotRunError("it finds a study's processes by /proc, which is not there")
    kills, inside, runs = (3, 0, 3) if form.short else (KILLS, IN_CHECKPOINTS, RUNS)
    alone = form.scratch / "left-alone"
    _start(alone, runs, "--left-alone").wait()
    killer = Killer(random.Random(form.seed), kills, inside, runs)
    studies = 0
    failures: list[dict[str, object]] = []
    compared = Compared()
    while not killer.satisfied:
        folder = form.scratch / f"killed-{studies}"
        studies += 1
        killer.torment(folder)
        compared.add(alone, folder, failures)
    return Found(
        rows=[
            {
                "studies": studies,
                "runs": studies * runs,
                "SIGKILLs": killer.kills,
                "of the parent": killer.parents,
                "of a worker": killer.kills - killer.parents,
                "in the writing of a checkpoint": killer.inside,
                "readings": compared.readings,
                "lost": compared.lost,
                "doubled": compared.doubled,
                "unreadable journals": compared.unreadable,
                "tables that differ": compared.different,
            }
        ],
        bars=[
            Least("SIGKILLs", killer.kills, kills),
            Least("SIGKILLs in the writing of a checkpoint", killer.inside, inside),
            Most("readings lost", compared.lost, 0),
            Most("readings doubled", compared.doubled, 0),
            Most("unreadable journals", compared.unreadable, 0),
            Most("tables that differ by a byte", compared.different, 0),
        ],
        failures=failures[:5],
    )


@dataclass
class Killer:
    """Kills the processes of studies until there were kills enough.

    Args:
        stream: Of random numbers.
        enough: Kills in all.
        enough_inside: Of these, in the writing of a checkpoint.
        runs: Of each study.
    """

    stream: random.Random
    enough: int
    enough_inside: int
    runs: int
    kills: int = 0
    parents: int = 0
    inside: int = 0
    lives: int = field(default=0, init=False)

    @property
    def satisfied(self) -> bool:
        """Whether there were."""
        return self.kills >= self.enough and self.inside >= self.enough_inside

    def torment(self, folder: Path) -> None:
        """Start a study, kill it, start it again, until all of its runs have ended."""
        while not (folder.exists() and small_study.is_done(folder, self.runs)):
            process = _start(folder, self.runs)
            self.lives += 1
            if not self.satisfied and _wait_for_work(process, folder):
                self._kill_one(process, folder)
            process.wait()

    def _kill_one(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        time.sleep(self.stream.uniform(0.0, _LONGEST_SECONDS))
        workers = _workers_of(process.pid)
        parent = not workers or self.stream.random() < 0.3
        if self.inside < self.enough_inside and workers and self.stream.random() < 0.7:
            _wait_for_checkpoint(folder)
        victim = process.pid if parent else self.stream.choice(workers)
        if process.poll() is not None:
            return
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills += 1
        self.parents += parent
        if parent:
            process.wait()
            _wait_until_gone(workers)
        else:
            _wait_until_gone([victim])
        # What was being written when the writer died is still there, and nobody's.
        self.inside += any(_half_written(folder))
        if not parent:
            # The others go on: the next kill is of this same life, or of the one after it.
            self._end(process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if self.stream.random() < 0.5:
            return
        workers = _workers_of(process.pid)
        process.kill()
        process.wait()
        self.kills += 1
        self.parents += 1
        _wait_until_gone(workers)


@dataclass
class Compared:
    """What studies that were killed have other than the one that was left alone."""

    readings: int = 0
    lost: int = 0
    doubled: int = 0
    unreadable: int = 0
    different: int = 0

    def add(self, alone: Path, killed: Path, failures: list[dict[str, object]]) -> None:
        """Compare one study."""
        try:
            tables = [_table(folder) for folder in (alone, killed)]
        except LandscopeError as error:
            self.unreadable += 1
            failures.append({"study": killed.name, "error": str(error)})
            return
        if tables[0] != tables[1]:
            self.different += 1
            failures.append({"study": killed.name, "error": "its table differs"})
        for run_id, whole in read_study(alone).runs.items():
            left = read_study(killed).runs[run_id]
            expected, found = (
                [
                    repr({**reading_to_json(reading), "seconds": 0, "value": None})
                    for reading in records.all_readings
                ]
                for records in (whole, left)
            )
            self.readings += len(found)
            self.lost += len(set(expected) - set(found))
            self.doubled += len(found) - len(set(found))


def _table(folder: Path) -> bytes:
    path = folder.with_suffix(".csv")
    export_table(read_study(folder).runs.values(), path, times=False)
    return path.read_bytes()


def _start(folder: Path, runs: int, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "torture.small_study", str(folder), str(runs), *more],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _wait_for_work(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Wait until a run of this life is being written; whether the study is still at work."""
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if any(_age(journal) < 0.5 for journal in folder.glob("runs/*/journal.jsonl")):
            return True
        time.sleep(0.01)
    return process.poll() is None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _wait_for_checkpoint(folder: Path) -> None:
    until = time.monotonic() + 5.0
    while not any(_half_written(folder)) and time.monotonic() < until:
        pass


def _half_written(folder: Path) -> list[Path]:
    return list(folder.glob("runs/*/checkpoints/.step-*"))


def _workers_of(parent: int) -> list[int]:
    """The processes of a study that do its runs."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
    except FileNotFoundError:
        return []


def _wait_until_gone(processes: list[int]) -> None:
    until = time.monotonic() + 30.0
    while any(Path(f"/proc/{pid}").exists() for pid in processes) and time.monotonic() < until:
        time.sleep(0.01)
