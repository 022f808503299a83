"""The front doors that read what somebody else may have written."""

from collections.abc import Callable, Mapping
from pathlib import Path

import landscope
from landscope.cli import main
from landscope.data import load
from landscope.data.contents import read_idx
from landscope.runs import read_study
from landscope.runs.checkpoint import Checkpoints
from landscope.runs.weights import read_weights

Door = Callable[[Path, Path], None]
"""``door(folder, out)``: reads a folder; what it writes goes to ``out`` or into the folder."""

STATE = 2**20
"""The most bytes that the state of the honest study's runs has."""


def _show(folder: Path, _: Path) -> None:
    main(["show", str(folder)])


def _report(folder: Path, _: Path) -> None:
    main(["report", str(folder)])


def _status(folder: Path, _: Path) -> None:
    main(["status", str(folder)])


def _csv(folder: Path, out: Path) -> None:
    main(["export", str(folder), str(out / "table.csv")])


def _parquet(folder: Path, out: Path) -> None:
    main(["export", str(folder), str(out / "table.parquet")])


def _study(folder: Path, _: Path) -> None:
    study = read_study(folder)
    for run in study.runs.values():
        _ = run.outcome, run.all_readings, run.summary


def _run(folder: Path, _: Path) -> None:
    run = landscope.Run(_first_run(folder))
    _ = run.findings(), run.readings, repr(run), run._repr_html_()


def _show_run(folder: Path, _: Path) -> None:
    main(["show", str(_first_run(folder))])


def _weights(folder: Path, _: Path) -> None:
    read_weights(_first_run(folder) / "weights.safetensors")


def _checkpoint(folder: Path, _: Path) -> None:
    Checkpoints(_first_run(folder) / "checkpoints").newest(at_most=STATE)


def _cifar(folder: Path, _: Path) -> None:
    load("cifar-10", data_dir=folder)


def _idx(folder: Path, _: Path) -> None:
    read_idx(folder / "images-idx3-ubyte", shape=(10, 28, 28), remedy="fetch it again")


def _first_run(folder: Path) -> Path:
    return folder / "runs" / FIRST


FIRST = "vgg-batch-lr0.1-seed0"
"""The run of the paper's honest study whose files are replaced."""

STUDY_DOORS = ("show", "status", "report", "export csv", "export parquet", "read_study")
RUN_DOORS = ("Run", "show run")

DOORS: Mapping[str, Door] = {
    "show": _show,
    "status": _status,
    "report": _report,
    "export csv": _csv,
    "export parquet": _parquet,
    "read_study": _study,
    "Run": _run,
    "show run": _show_run,
    "weights": _weights,
    "checkpoint": _checkpoint,
    "--data-dir": _cifar,
    "idx": _idx,
}
