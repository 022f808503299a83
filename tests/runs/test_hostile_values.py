"""Records whose checksums are right and whose values are hostile are refused before they harm."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.comparison_study import Compared

from landscope.errors import RecordError, UsageError
from landscope.quantities import TRAINING
from landscope.runs import RunFolder, StudyFolder, export, export_table, read_run, read_study
from landscope.runs.line import MAX_BYTES
from landscope.runs.study_records import study_status
from landscope.studies.publish import answers, study_figures, write_figures
from torture.hostile.sealed import line, reseal
from torture.hostile.sealed import reading as sealed_reading

from .samples import make_run, reading, write


def with_manifest(folder: RunFolder, **fields: Any) -> None:
    reseal(folder.manifest_path, lambda content: content.update(fields))


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"config": {"x": [[]] * 100_000}}, "it has more than 100000 values"),
        ({"config": {"x": "y" * (4 * 2**20)}}, "it is longer than 4194304 bytes"),
        ({"config": {"x": "\ud800"}}, "it has a text that is not valid Unicode"),
        ({"config": {"\udfff": 1}}, "it has a text that is not valid Unicode"),
    ],
)
def test_a_manifest_that_would_harm_its_reader_is_neither_read_nor_written(
    run_folder: RunFolder, fields: dict[str, Any], rule: str
) -> None:
    whole = run_folder.manifest
    with pytest.raises(UsageError, match=rule):
        run_folder.write_manifest({**whole.content, **fields})
    assert run_folder.manifest == whole
    with_manifest(run_folder, **fields)
    with pytest.raises(RecordError, match=rf"run\.json: {rule}"):
        _ = run_folder.manifest


def test_whole_characters_beyond_the_first_plane_are_text(run_folder: RunFolder) -> None:
    with_manifest(run_folder, config={"x": "\U0001f600"})
    assert run_folder.manifest.config == {"x": "\U0001f600"}


def test_infinity_in_other_words_is_no_number(run_folder: RunFolder) -> None:
    text = run_folder.manifest_path.read_text().replace("0.1", "1e999")
    run_folder.manifest_path.write_text(text)
    with pytest.raises(RecordError, match=r"the manifest is cut or garbled"):
        _ = run_folder.manifest


def test_a_line_that_would_fill_the_memory_is_not_parsed(run_folder: RunFolder) -> None:
    body = f"[{'[],' * (MAX_BYTES // 3)}[]]"
    run_folder.journal_path.write_bytes(line(1, "reading", body))
    with pytest.raises(RecordError, match=rf"line 1: it is longer than {MAX_BYTES} bytes"):
        _ = read_run(run_folder.path).all_readings


def test_a_step_that_no_array_holds_is_refused(run_folder: RunFolder) -> None:
    run_folder.journal_path.write_bytes(sealed_reading(1, step=2**63 - 1))
    run = read_run(run_folder.path)
    assert run.series(TRAINING.train_loss)[0].tolist() == [2**63 - 1]
    run_folder.journal_path.write_bytes(sealed_reading(1, step=2**63))
    with pytest.raises(RecordError, match=r"line 1: its field 'step' is not a whole number"):
        _ = read_run(run_folder.path).all_readings


def test_formulas_are_text_in_csv(study_folder: StudyFolder, tmp_path: Path) -> None:
    run = make_run(study_folder.run("run"), norm="@SUM(1)", lr=-0.5)
    layers = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "x=1", "'x"]
    write(run, [reading(0, -0.5, layer=layer, function="=HYPERLINK(1)") for layer in layers])
    export_table([read_run(run.path)], tmp_path / "table.csv")
    text = (tmp_path / "table.csv").read_bytes().decode()
    for layer in layers[:6]:
        assert f"'{layer}" in text
    for kept in (",x=1,", ",'x,", ",-0.5,", ",'=HYPERLINK(1),", ",'@SUM(1),"):
        assert kept in text
    assert re.search(r"(^|,)\"?[=@+\t]", text, re.MULTILINE) is None


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("norms", [[]], "norms.0: Input should be"),
        ("norms", ["\x1b[2J"], "norms.0: Value error, this version of landscope has no such norm"),
        ("lrs", ["x"], "lrs.0: Input should be a valid number"),
        ("lrs", [-1.0], "lrs.0: Input should be greater than 0"),
        ("seeds", [2**70], "seeds.0: Input should be less than"),
        ("seeds", list(range(5001)), "a comparison has at most 10000 runs"),
    ],
)
def test_a_comparison_of_other_types_is_neither_drawn_nor_judged(
    tmp_path: Path, field: str, value: object, rule: str
) -> None:
    Compared(norms=("none", "batch"), lrs=(0.1,), seeds=(0,), steps=4).write(tmp_path)
    reseal(tmp_path / "study.json", lambda content: content.update({field: value}))
    study = read_study(tmp_path)
    for ask in (answers, study_figures):
        with pytest.raises(RecordError, match=rf"study\.json: the manifest is wrong: .*{rule}"):
            ask(study)


@pytest.mark.parametrize(("field", "value"), [("norm", "x"), ("lr", "x"), ("steps", 0)])
def test_a_run_of_other_types_is_neither_drawn_nor_judged(
    tmp_path: Path, field: str, value: object
) -> None:
    Compared(norms=("batch",), lrs=(0.1,), seeds=(0,), steps=4).write(tmp_path)
    (manifest,) = tmp_path.glob("runs/*/run.json")
    reseal(manifest, lambda content: content["config"].update({field: value}))
    with pytest.raises(
        RecordError, match=rf"run\.json: the manifest is wrong: {field}: (Input|Value)"
    ):
        answers(read_study(tmp_path))
    assert len(read_study(tmp_path).runs) == 1  # it is there, and can be exported


def test_figures_are_not_written_behind_a_link(tmp_path: Path) -> None:
    study = Compared(norms=("none", "batch"), lrs=(0.1,), steps=4).write(tmp_path / "study")
    outside = tmp_path / "outside"
    outside.mkdir()
    study.folder.figures.symlink_to(outside)
    with pytest.raises(RecordError, match=r"figures: it is a link out of its folder"):
        write_figures(study, study.folder.figures)
    assert list(outside.iterdir()) == []


def test_a_figure_that_is_named_often_is_drawn_once(tmp_path: Path) -> None:
    study = Compared(norms=("none", "batch"), lrs=(0.1,), steps=4, manifest={"figures": [1] * 99})
    assert len(study_figures(study.write(tmp_path))) == 1


def test_an_unknown_name_is_told_without_filling_the_screen(run_folder: RunFolder) -> None:
    body = json.dumps({"x" * 500_000: 1})
    run_folder.journal_path.write_bytes(line(1, "reading", body))
    with pytest.raises(RecordError, match=r"line 1: a reading lacks a field") as caught:
        _ = read_run(run_folder.path).all_readings
    assert len(str(caught.value)) < 7000


def test_lists_in_the_place_of_numbers_are_refused(run_folder: RunFolder) -> None:
    write(run_folder, [reading(0, (0.5, 0.5)), reading(1, (0.5, 0.5))])
    with pytest.raises(RecordError, match=r"its readings are lists, and each should be one number"):
        read_run(run_folder.path).numbers(TRAINING.train_loss)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_row_that_would_fill_the_disk_is_not_exported(
    run_folder: RunFolder, tmp_path: Path, ending: str
) -> None:
    with_manifest(run_folder, config={"x": "y" * 40_000})
    write(run_folder, [reading(0, function="f" * 20_000), reading(1, function="f" * 30_000)])
    with pytest.raises(RecordError, match=r"a row of a table has at most 65536 letters"):
        export_table([read_run(run_folder.path)], tmp_path / f"table.{ending}")
    assert not (tmp_path / f"table.{ending}").exists()


def test_long_rows_are_written_in_small_batches(
    run_folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_BATCH_LETTERS", 1000)
    write(run_folder, [reading(step, function="f" * 400) for step in range(7)])
    table = tmp_path / "table.parquet"
    assert export_table([read_run(run_folder.path)], table) == 7
    found = pq.ParquetFile(table)
    assert (found.metadata.num_rows, found.metadata.num_row_groups) == (7, 3)


def test_initial_weights_of_any_type_are_compared(tmp_path: Path) -> None:
    Compared(norms=("none", "batch"), lrs=(0.1,), seeds=(0,)).write(tmp_path)
    for manifest in tmp_path.glob("runs/*/run.json"):
        reseal(manifest, lambda content: content.update(initial_weights=[["x"]]))
    assert len(answers(read_study(tmp_path))) == 7


@pytest.mark.parametrize(("steps", "known"), [("x", 0), (10**30, 0), (-1, 0), ([], 0), (7, 7)])
def test_steps_of_a_run_that_no_plan_names_may_be_anything(
    study_folder: StudyFolder, steps: object, known: int
) -> None:
    make_run(study_folder.run("run"), steps=steps)
    (run,) = study_status(study_folder).runs
    assert run.steps == known


def test_the_plan_of_a_study_has_an_end(study_folder: StudyFolder) -> None:
    plan = [{"id": f"r{at}", "steps": 1, "digest": ""} for at in range(10_001)]
    reseal(study_folder.manifest_path, lambda content: content.update(runs=plan))
    with pytest.raises(RecordError, match=r"the manifest is wrong: runs: List should have at most"):
        study_status(study_folder)
