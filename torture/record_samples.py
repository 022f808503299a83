"""Samples of the records: journal, manifests, weights and checkpoints, by their own writers."""

import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from landscope.reading import Axis, Reading, Status
from landscope.runs import Journal, Outcome, RunFolder, StudyFolder, read_run
from landscope.runs.checkpoint import Checkpoint, Checkpoints
from landscope.runs.line import Mark
from landscope.runs.outcome import Failure, read_failure, write_failure
from landscope.runs.weights import read_weights, write_weights
from torture.sample import Sample, digest_of

Make = Callable[[Path], Sample]

ENDED = Outcome("finished", step=3, seconds=1.5)
LARGEST = 10**6  # bytes of a checkpoint here


def readings(shift: float) -> tuple[Reading, ...]:
    """Readings of each kind: numbers, lists, a histogram, what is not finite, odd names."""
    etas = Axis("eta", "step size", (0.05, 0.1))
    edges = Axis("activation", "1", (0.0, 0.5, 1.0))
    return (
        Reading(0, "training", "train_loss", 2.302585092994046 + shift),
        Reading(0, "line[paper]", "loss", (0.25, 1.75 + shift), axis=etas),
        Reading(0, "distribution", "histogram", (0.1, 0.2 + shift), axis=edges, layer="größe/層"),
        Reading(1, "training", "train_loss", math.nan, status=Status.NONFINITE, seconds=shift),
        Reading(2, "gradient", "norms", (math.inf, -0.0, shift), layer='odd "name"\n'),
        Reading(3, "training", "train_loss", 5e-324, unit="NaN", function=f"loss {shift}"),
    )


def run_manifest(seed: int) -> dict[str, Any]:
    """A run's manifest, of every kind of value."""
    config = {"norm": "batch", "lr": 0.1, "seed": seed, "layers": [1, 2], "penalty": None}
    versions = {"torch": "2.8.0", "numpy": "2.0.0"}
    layers = ["conv.1", "größe"]
    return {"format": 1, "id": "run", "config": config, "layers": layers, "versions": versions}


def study_manifest(seed: int) -> dict[str, Any]:
    """A study's manifest."""
    preset = {"name": "quick", "norms": ["batch", "none"], "lrs": [0.1, 1e-3], "steps": 40 + seed}
    given = {"format": 1, "study": "santurkar2018", "seed": seed, "preset": preset}
    return {**given, "figures": [1, 4], "started": "2026-01-02T03:04:05+00:00", "seconds": 1.5}


def arrays(seed: int) -> dict[str, np.ndarray]:
    """The weights of a small network."""
    stream = np.random.default_rng(seed)
    return {
        "0.weight": stream.standard_normal((3, 4)).astype(np.float32),
        "1.running_mean": stream.standard_normal(3),
        "1.num_batches_tracked": np.array(seed + 7, dtype=np.int64),
        "mask": np.array([True, False]),
    }


def _run(path: Path, seed: int = 0) -> RunFolder:
    folder = RunFolder(path / "run")
    folder.create()
    folder.write_manifest(run_manifest(seed))
    return folder


def _journal_bytes(path: Path, shift: float) -> bytes:
    folder = _run(path)
    with Journal.create(folder) as journal:
        for reading in readings(shift):
            journal.write(reading)
        journal.finish(ENDED)
    content = folder.journal_path.read_bytes()
    folder.journal_path.unlink()
    return content


def journal(path: Path) -> Sample:
    """A journal, read whole: what was written, or a first part of it that is called unfinished."""
    folder, whole = _run(path), _journal_bytes(path, 0.0)
    folder.journal_path.write_bytes(whole)

    def read() -> str:
        run = read_run(folder.path)
        return repr((run.all_readings, run.outcome))

    written = readings(0.0)
    right = {repr((written, ENDED)), repr(((), Outcome("unfinished")))}
    for count in range(1, len(written) + 1):
        right.add(repr((written[:count], Outcome("unfinished", written[count - 1].step))))
    other = _journal_bytes(path / "other", 0.125)
    return Sample(folder.journal_path, read, right, other, named=(", line ",))


def outcome(path: Path) -> Sample:
    """A journal of which only the end is read: that the run ended so, or not yet."""
    whole = journal(path)
    folder = RunFolder(whole.path.parent)
    right = {repr(ENDED), repr(Outcome("unfinished"))}
    return Sample(whole.path, lambda: repr(folder.outcome()), right, whole.other)


def manifest(
    path: Path, folder: Callable[[Path], RunFolder | StudyFolder], make: Callable[[int], Any]
) -> Sample:
    """The manifest of a run or a study."""
    mine, others = folder(path / "run"), folder(path / "other" / "run")
    for seed, one in enumerate([mine, others]):
        one.create()
        one.write_manifest(make(seed))
    right = {json.dumps(make(0), sort_keys=True)}
    other = others.manifest_path.read_bytes()
    return Sample(
        mine.manifest_path, lambda: json.dumps(mine.manifest.content, sort_keys=True), right, other
    )


def weights(path: Path) -> Sample:
    """The final weights of a run."""
    files = [path / "weights.safetensors", path / "other.safetensors"]
    for seed, file in enumerate(files):
        write_weights(file, arrays(seed))
    right = {digest_of(arrays(0))}
    return Sample(files[0], lambda: digest_of(read_weights(files[0])), right, files[1].read_bytes())


def failure(path: Path) -> Sample:
    """The note of why a run failed."""
    files = [path / "failure.json", path / "other.json"]
    notes = [
        Failure("ValueError: no", f"own.py, line {line}, in train", "Traceback ...", "2026-01-02")
        for line in (7, 8)
    ]
    for file, note in zip(files, notes, strict=True):
        write_failure(file, note)
    return Sample(
        files[0], lambda: repr(read_failure(files[0])), {repr(notes[0])}, files[1].read_bytes()
    )


def _checkpoint(seed: int) -> Checkpoint:
    values = {"epoch": seed, "losses": [0.5, 1e-300], "order": list(range(5))}
    return Checkpoint(
        step=40 + seed,
        mark=Mark(12 + seed, 3456, 789),
        seconds=1.5,
        values=values,
        tensors=arrays(seed),
    )


def _told(checkpoint: Checkpoint | None) -> str:
    if checkpoint is None:
        return "none"
    kept = {**vars(checkpoint), "tensors": digest_of(checkpoint.tensors)}
    return repr(sorted(kept.items()))


def checkpoint(path: Path, name: str, *, before: bool = False) -> Sample:
    """One of the files of the newest checkpoint, or the pointer to it.

    Args:
        path: An empty folder.
        name: The file's name.
        before: Whether there is one before it, which is right as well: training goes on from it.
    """
    mine, others = Checkpoints(path / "checkpoints"), Checkpoints(path / "others")
    found: list[str] = []
    if before:
        mine.write(_checkpoint(0))
    for seed, (one, folder) in enumerate([(mine, "checkpoints"), (others, "others")], 1):
        known = set((path / folder).glob(f"**/{name}"))
        one.write(_checkpoint(seed))
        (new,) = set((path / folder).glob(f"**/{name}")) - known or known
        found.append(str(new))
    right = {_told(_checkpoint(1)), *([_told(_checkpoint(0))] if before else [])}
    file, other = Path(found[0]), Path(found[1]).read_bytes()
    return Sample(file, lambda: _told(mine.newest(at_most=LARGEST)), right, other)


SAMPLES: Mapping[str, Make] = {
    "journal": journal,
    "journal, its end alone": outcome,
    "run manifest": partial(manifest, folder=RunFolder, make=run_manifest),
    "study manifest": partial(manifest, folder=StudyFolder, make=study_manifest),
    "failure": failure,
    "weights": weights,
    "checkpoint: pointer": partial(checkpoint, name="latest.json"),
    "checkpoint: manifest": partial(checkpoint, name="manifest.json"),
    "checkpoint: values": partial(checkpoint, name="values.json"),
    "checkpoint: tensors": partial(checkpoint, name="tensors.safetensors"),
    "checkpoint with one before it": partial(checkpoint, name="tensors.safetensors", before=True),
}
"""Every record that is read again, by the name in the table: how to write a sample of it."""
