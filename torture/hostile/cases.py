"""The cases in which a file, a folder or a data set is not what it should be."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from landscope.data import cifar10
from torture.hostile.case import Case
from torture.hostile.doors import FIRST, RUN_DOORS, STUDY_DOORS
from torture.hostile.payloads import ANYWHERE, PACKED, TENSORS, Payload

_READ = (*STUDY_DOORS, *RUN_DOORS)
_RUN = f"runs/{FIRST}"

FILES = {
    "study.json": STUDY_DOORS,
    f"{_RUN}/run.json": _READ,
    f"{_RUN}/journal.jsonl": _READ,
    _RUN: _READ,
    "runs": STUDY_DOORS,
    f"{_RUN}/weights.safetensors": ("weights",),
    f"{_RUN}/checkpoints": ("checkpoint",),
    f"{_RUN}/checkpoints/latest.json": ("checkpoint",),
    f"{_RUN}/checkpoints/step-*/manifest.json": ("checkpoint",),
    f"{_RUN}/checkpoints/step-*/values.json": ("checkpoint",),
    f"{_RUN}/checkpoints/step-*/tensors.safetensors": ("checkpoint",),
    f"{_RUN}/checkpoints/step-*": ("checkpoint",),
    f"{_RUN}/failure.json": ("status",),
    "figures": ("report",),
    "figures/figure-02.svg": ("report",),
    "report.html": ("report",),
}
"""What is replaced in the paper's study, and who reads it or writes there."""


def replaced_files() -> Iterator[Case]:
    """Each payload in the place of each file."""
    for file, doors in FILES.items():
        payloads = ANYWHERE | (TENSORS if file.endswith(".safetensors") else {})
        for name, payload in payloads.items():
            yield Case(f"{name} for {_brief(file)}", "paper", _planted(file, payload), doors)


def data_files() -> Iterator[Case]:
    """The same for the files of data sets."""
    first = next(iter(cifar10.MD5))
    for file, door in ((first, "--data-dir"), ("images-idx3-ubyte", "idx")):
        for name, payload in (ANYWHERE | PACKED).items():
            yield Case(f"{name} for {file}", "data", _planted(file, payload), (door,))


def _planted(file: str, payload: Payload) -> "_Plant":
    return _Plant(file, payload)


class _Plant:
    """Puts a payload in the place of a file or a folder, or of all that a pattern matches."""

    def __init__(self, file: str, payload: Payload) -> None:
        self._file, self._payload = file, payload

    def __call__(self, folder: Path, outside: Path) -> None:
        found = sorted(folder.glob(self._file)) if "*" in self._file else [folder / self._file]
        for path in found:
            path.parent.mkdir(exist_ok=True)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            self._payload(path, outside)


def _brief(file: str) -> str:
    return file.replace(_RUN, "a run").replace("step-*", "each step")
