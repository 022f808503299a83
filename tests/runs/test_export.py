"""The exported table holds every number once, exactly, with its configuration beside it."""

import csv
import math
import sys
from pathlib import Path
from typing import Any

import pytest

import landscope
from landscope.errors import RecordError, StorageError, UsageError
from landscope.reading import Axis, Status
from landscope.runs import RunRecords, StudyFolder, export_table, read_study
from landscope.runs.export import frame

from .samples import make_run, reading, story, write

EDGES = Axis("activation", "1", (0.0, 0.5, 1.0))


@pytest.fixture
def runs(study_folder: StudyFolder) -> list[RunRecords]:
    first = make_run(
        study_folder.run("a"), norm="batch", lr=1, momentum=None, widths=[1, 2], fast=True, seed=0
    )
    write(
        first,
        [
            reading(0, 0.1, seconds=0.25, function="training mode"),
            reading(0, (0.25, 0.75), layer="conv", axis=EDGES),
            reading(1, (1.0, math.nan), layer="conv", axis=Axis("eta", "step size", (0.1, 0.2))),
            reading(2, (5.0,), status=Status.UNCONVERGED),
            reading(3, -math.inf, status=Status.NONFINITE),
        ],
    )
    second = make_run(study_folder.run("b"), norm=2, lr=0.5, momentum=0.9, seed=2**64 - 1)
    write(second, [reading(0, 1 / 3)], None)
    return list(read_study(study_folder.path).runs.values())


WHERE = ["run", "step", "layer", "index", "axis", "coordinate", "coordinate_end", "value"]
ROWS: list[tuple[Any, ...]] = [
    ("a", 0, None, None, None, None, None, 0.1),
    ("a", 0, "conv", 0, "activation", 0.0, 0.5, 0.25),
    ("a", 0, "conv", 1, "activation", 0.5, 1.0, 0.75),
    ("a", 1, "conv", 0, "eta", 0.1, None, 1.0),
    ("a", 1, "conv", 1, "eta", 0.2, None, math.nan),
    ("a", 2, None, 0, None, None, None, 5.0),
    ("a", 3, None, None, None, None, None, -math.inf),
    ("b", 0, None, None, None, None, None, 1 / 3),
]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(path).to_pylist()


def test_parquet_holds_each_number_in_a_row_with_its_types(
    runs: list[RunRecords], tmp_path: Path
) -> None:
    path = tmp_path / "table.parquet"
    assert export_table(runs, path) == len(ROWS)
    rows = read_parquet(path)
    assert repr([tuple(row[name] for name in WHERE) for row in rows]) == repr(ROWS)
    assert [row["outcome"] for row in rows] == ["finished"] * 7 + ["unfinished"]
    assert [row["status"] for row in rows[5:7]] == ["unconverged", "nonfinite"]
    assert rows[0]["seconds"] == 0.25
    assert rows[0]["function"] == "training mode"
    assert {name: rows[0][name] for name in rows[0] if name.startswith("config_")} == {
        "config_norm": "batch",
        "config_lr": 1.0,
        "config_momentum": None,
        "config_widths": "[1, 2]",
        "config_fast": True,
        "config_seed": "0",  # text, as the other run's does not fit into 64 bits
    }
    assert rows[-1]["config_norm"] == "2"
    assert rows[-1]["config_seed"] == str(2**64 - 1)
    assert rows[-1]["config_fast"] is None


def test_csv_holds_the_same_numbers(runs: list[RunRecords], tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    assert export_table(runs, path) == len(ROWS)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert repr([float(row["value"]) for row in rows]) == repr([row[-1] for row in ROWS])
    assert [row["value"] for row in rows[4:7]] == ["NaN", "5.0", "-Infinity"]
    assert [row["layer"] for row in rows[:2]] == ["", "conv"]
    assert rows[0]["config_norm"] == "batch"
    assert rows[0]["config_momentum"] == ""


def test_odd_names_come_through(study_folder: StudyFolder, tmp_path: Path) -> None:
    write(make_run(study_folder.run("a")), story())
    runs = list(read_study(study_folder.path).runs.values())
    path = tmp_path / "table.csv"
    export_table(runs, path)
    with path.open(encoding="utf-8", newline="") as file:
        layers = {row["layer"] for row in csv.DictReader(file)}
    assert layers == {"", "größe/層", 'odd "name"\n'}


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_run_without_readings_gives_a_table_without_rows(
    study_folder: StudyFolder, tmp_path: Path, name: str
) -> None:
    make_run(study_folder.run("a"), norm="batch")
    runs = list(read_study(study_folder.path).runs.values())
    path = tmp_path / name
    assert export_table(runs, path) == 0
    if path.suffix == ".csv":
        assert path.read_text(encoding="utf-8").startswith("run,outcome,step,")
    else:
        assert read_parquet(path) == []


def test_another_ending_is_refused(runs: list[RunRecords], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a table is a \.csv or a \.parquet file; give the name"):
        export_table(runs, tmp_path / "table.xlsx")


def test_without_pyarrow_the_remedy_is_named(
    runs: list[RunRecords], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    rule = r"needs the package pyarrow, which is not installed; .*landscope\[parquet\]"
    with pytest.raises(UsageError, match=rule):
        export_table(runs, tmp_path / "table.parquet")
    assert not (tmp_path / "table.parquet").exists()


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_damaged_journal_leaves_the_table_before(
    runs: list[RunRecords], tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"the table before")
    journal = runs[0].folder.journal_path
    journal.write_bytes(journal.read_bytes().replace(b'"step":1', b'"step":7'))
    with pytest.raises(RecordError, match=r"journal\.jsonl, line 3: its checksum does not match"):
        export_table(runs, path)
    assert path.read_bytes() == b"the table before"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["study", name]


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_folder_that_is_not_there_is_named(
    runs: list[RunRecords], tmp_path: Path, name: str
) -> None:
    with pytest.raises(StorageError, match=rf"{name}: it cannot be written"):
        export_table(runs, tmp_path / "gone" / name)


def test_without_pandas_a_frame_is_refused(
    runs: list[RunRecords], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    rule = (
        r"to_frame\(\): a data frame needs the package pandas, which is not installed; install it "
        r"with `pip install 'landscope\[pandas\]'`, or export to \.csv"
    )
    with pytest.raises(UsageError, match=rule):
        frame(runs)


def test_a_frame_has_the_columns_and_rows_of_the_table(
    runs: list[RunRecords], tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    found = frame(runs)
    export_table(runs, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert list(found.columns) == table[0]
    assert len(found) == len(table) - 1 == len(ROWS)
    for row, wanted in zip(found[WHERE].itertuples(index=False), ROWS, strict=True):
        for cell, value in zip(row, wanted, strict=True):
            missing = value is None or value != value
            assert bool(pandas.isna(cell)) is missing
            assert missing or cell == value
    assert str(found["step"].dtype) == "Int64"
    assert str(found["value"].dtype) == "float64"
    assert str(found["config_fast"].dtype) == "boolean"


def test_a_run_and_a_study_give_their_frames(study_folder: StudyFolder) -> None:
    pytest.importorskip("pandas")
    for name in ("a", "b"):
        write(make_run(study_folder.run(name), norm="batch"), [reading(0, 0.5), reading(1, 0.25)])
    study = landscope.Study(study_folder.path)
    assert list(study.runs) == ["a", "b"]
    assert repr(study) == f"Study({str(study_folder.path)!r}, 2 runs)"
    assert study.to_frame()["value"].tolist() == [0.5, 0.25] * 2
    assert study.runs["b"].to_frame()["run"].tolist() == ["b", "b"]


def test_a_study_without_readings_is_an_empty_frame(study_folder: StudyFolder) -> None:
    pytest.importorskip("pandas")
    found = landscope.Study(study_folder.path).to_frame()
    assert (len(found), list(found.columns)[:2]) == (0, ["run", "outcome"])
