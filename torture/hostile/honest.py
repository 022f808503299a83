"""The honest folders that hostile ones are made of: synthetic readings through real records."""

import hashlib
import json
from pathlib import Path

import numpy as np
from tests.comparison_study import Compared
from tests.figures.study_fixture import Synthetic

from landscope.data.contents import idx_header
from landscope.runs.checkpoint import Checkpoint, Checkpoints
from landscope.runs.line import Mark
from landscope.runs.run_records import RunRecords
from landscope.runs.weights import write_weights
from torture.hostile.case import Base
from torture.hostile.marks import SECRET

_ASKED = {"figures": [2, 8], "runs": [{"id": "planned", "steps": 10, "digest": "0"}]}
_RUNS = (("vgg", "none", 0.1), ("vgg", "batch", 0.1), ("vgg", "noisy-batch", 0.1))


def write_honest(place: Path) -> dict[Base, Path]:
    """Writes one folder of each kind, and gives them by kind."""
    paper = Synthetic(steps=10, looks=2, runs=_RUNS, manifest=_ASKED)
    for run in paper.write(place / "paper").runs.values():
        _add_state(run)
    Compared(norms=("none", "batch"), lrs=(0.1,), seeds=(0,)).write(place / "comparison")
    data = place / "data"
    data.mkdir()
    (data / "images-idx3-ubyte").write_bytes(idx_header((10, 28, 28)) + bytes(10 * 28 * 28))
    return {"paper": place / "paper", "comparison": place / "comparison", "data": data}


def _add_state(run: RunRecords) -> None:
    """Weights and checkpoints, as a run has them that was stopped."""
    tensors = {"weight": np.zeros((16, 16), np.float32)}
    write_weights(run.folder.weights_path, tensors)
    checkpoints = Checkpoints(run.folder.checkpoints_path)
    for step in (1, 2):
        checkpoints.write(Checkpoint(step, Mark(1, 1, 1), 1.0, {"seed": 0}, tensors))


def write_outside(folder: Path) -> None:
    """What must be neither seen nor changed."""
    import os

    folder.mkdir()
    (folder / "secret.json").write_text(json.dumps({"format": 1, "study": SECRET}) + "\n", "utf-8")
    (folder / "journal.jsonl").write_text(SECRET, "utf-8")
    os.mkfifo(folder / "fifo")


def listing(folder: Path, *, without: Path) -> dict[str, str]:
    """Every file below a folder with a digest of its content, without one folder in it."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path == without or without in path.parents:
            continue
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = f"{about.st_mode:o} {about.st_mtime_ns} {content}"
    return found
