"""The records of a study find its runs by their configuration."""

import shutil
import subprocess
import sys

import pytest

from landscope.errors import RecordError
from landscope.runs import StudyFolder, StudyRecords, read_study

from .samples import make_run, reading, write


@pytest.fixture
def study(study_folder: StudyFolder) -> StudyRecords:
    for norm in ("none", "batch"):
        for lr in (0.1, 0.5):
            run = make_run(study_folder.run(f"vgg-{norm}-lr{lr}"), family="vgg", norm=norm, lr=lr)
            write(run, [reading(0, lr)])
    make_run(study_folder.run("dln-none"), family="dln", norm="none")
    return read_study(study_folder.path)


def test_an_unfinished_study_is_read(study: StudyRecords) -> None:
    assert study.manifest.study == "santurkar2018"
    assert list(study.runs) == [
        "dln-none",
        "vgg-batch-lr0.1",
        "vgg-batch-lr0.5",
        "vgg-none-lr0.1",
        "vgg-none-lr0.5",
    ]
    assert study.runs["dln-none"].outcome.status == "unfinished"
    assert study.runs["vgg-none-lr0.1"].outcome.status == "finished"
    assert "dln-none" in repr(study)


def test_a_study_without_runs_is_read(study_folder: StudyFolder) -> None:
    study = read_study(study_folder.path)
    assert study.runs == {}
    assert not study.has(norm="batch")
    with pytest.raises(RecordError, match=r"no such run; it has no runs; run it first"):
        study.find(norm="batch")


def test_a_run_is_found_by_its_configuration(study: StudyRecords) -> None:
    assert study.find(norm="batch", lr=0.5).id == "vgg-batch-lr0.5"
    assert study.find(family="dln") is study.runs["dln-none"]
    assert study.has(norm="batch")
    assert not study.has(norm="layer")
    assert not study.has(width=1)


def test_a_run_that_is_not_there_is_named_with_what_is(study: StudyRecords) -> None:
    with pytest.raises(RecordError) as caught:
        study.find(norm="layer", lr=0.1, width=3)
    assert str(caught.value) == (
        "run with norm='layer', lr=0.1, width=3: the study has no such run;"
        " it has norm: 'none', 'batch'; lr: 0.1, 0.5; width: not in any configuration"
    )


def test_several_runs_are_not_one(study: StudyRecords) -> None:
    rule = r"the study has several: vgg-batch-lr0\.1, vgg-batch-lr0\.5; give more of its fields"
    with pytest.raises(RecordError, match=rule):
        study.find(norm="batch")


def test_a_copied_run_is_not_taken_for_another(
    study: StudyRecords, study_folder: StudyFolder
) -> None:
    shutil.copytree(study_folder.run("dln-none").path, study_folder.run("copy").path)
    with pytest.raises(RecordError, match=r"copy: the run in it has the id dln-none; give"):
        read_study(study_folder.path)


def test_what_is_no_study_is_refused(study_folder: StudyFolder) -> None:
    with pytest.raises(RecordError, match=r"study\.json: there is no such file"):
        read_study(study_folder.path / "runs")


def test_records_need_no_torch_and_no_pyarrow() -> None:
    code = "import sys, landscope.runs; print({'torch', 'pyarrow'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
