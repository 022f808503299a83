"""A process that overwrites a checkpoint over and over, killed at a random instant, many times.

Every checkpoint says in each of its values which it is. After each kill the newest must be read
whole, and be the last that was written or the one before it that was being replaced.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.provenance import ROOT
from landscope.errors import LandscopeError
from landscope.runs.checkpoint import Checkpoint, Checkpoints
from landscope.runs.line import Mark
from torture.bars import Least, Most
from torture.faults import InPlace
from torture.row import Form, Found

KILLS = 200
_TENSORS, _VALUES = 8, 40_000  # 1.3 MB a checkpoint
_LIMIT = 16 * 2**20
_LONGEST_SECONDS = 0.25
_MOST_TRIES = 100


def run(form: Form) -> Found:
    """Kill the writer so many times, and read after each."""
    return killed_often(form, 3 if form.short else KILLS, [])


def killed_often(form: Form, kills: int, options: list[str]) -> Found:
    """The same with options of the writer, such as a fault that is planted in it."""
    stream = random.Random(form.seed)
    folder = form.scratch / "checkpoints"
    loadable = inside = written = 0
    failures: list[dict[str, object]] = []
    for kill in range(kills):
        told = _kill_a_writer(folder, written, stream, options)
        inside += any(folder.glob(".step-*"))
        try:
            found = _read(folder)
        except (LandscopeError, ValueError) as error:
            failures.append({"kill": kill, "error": str(error)})
            written = told
            continue
        if found in (told, told + 1):  # it may have been written and not yet told of
            loadable += 1
        else:
            failures.append({"kill": kill, "told": told, "found": found})
        written = max(found, told)
    return Found(
        rows=[
            {
                "SIGKILLs": kills,
                "with a checkpoint half written": inside,
                "checkpoints written": written,
                "loadable, newest or the one before": loadable,
            }
        ],
        bars=[
            Most("not loadable after a kill", kills - loadable, 0),
            Least("kills with a checkpoint half written", inside, 1),
        ],
        failures=failures[:5],
    )


def _kill_a_writer(folder: Path, written: int, stream: random.Random, options: list[str]) -> int:
    """Let a process write on, kill it, and give the last checkpoint that it told of."""
    command = [sys.executable, "-m", "torture.checkpoint_kills", str(folder), str(written)]
    with subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE) as writer:
        if writer.stdout is None:
            raise RuntimeError("the writer has no output")
        first = writer.stdout.readline()
        if not first:
            raise RuntimeError("the writer did not write")
        time.sleep(stream.uniform(0.0, _LONGEST_SECONDS))
        writer.kill()
        rest = writer.stdout.read().splitlines()
    return int((rest or [first])[-1])


def _read(folder: Path) -> int:
    """Which checkpoint the newest is, looked at in every value."""
    checkpoint = Checkpoints(folder).newest(at_most=_LIMIT)
    if checkpoint is None:
        raise ValueError("there is none")
    stamps = {float(value) for array in checkpoint.tensors.values() for value in np.unique(array)}
    stamps |= {float(checkpoint.step), float(checkpoint.values["step"])}
    stamps.add(float(checkpoint.mark.lines))
    if len(stamps) != 1:
        raise ValueError(f"it is made of parts of several: {sorted(stamps)[:4]}")
    return checkpoint.step


def write_forever(checkpoints: Checkpoints, step: int) -> None:
    """Write one checkpoint after the other, and tell of each when it is there."""
    while True:
        step += 1
        tensors = {str(n): np.full(_VALUES, float(step), np.float32) for n in range(_TENSORS)}
        checkpoints.write(Checkpoint(step, Mark(step, step, 0), 0.0, {"step": step}, tensors))
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    kind = InPlace if "--in-place" in sys.argv else Checkpoints
    write_forever(kind(Path(sys.argv[1])), int(sys.argv[2]))
