"""The folders make what is theirs, open what is theirs, and leave alone what is not."""

from pathlib import Path

import pytest

from landscope.errors import RecordError, UsageError
from landscope.runs import RunFolder, StudyFolder

from .samples import make_run, write


def test_a_study_is_made_once_and_opened_again(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "deep" / "study")
    folder.create()
    folder.create()  # interrupted before its manifest
    folder.write_manifest({"format": 1, "study": "santurkar2018"})
    run = make_run(folder.run("first"))
    written = write(run, [])
    folder.create()
    run.create()
    assert folder.manifest.study == "santurkar2018"
    assert run.journal_path.read_bytes() == written


def test_the_paths_of_what_is_made_from_records(study_folder: StudyFolder) -> None:
    assert study_folder.figures == study_folder.path / "figures"
    assert study_folder.report == study_folder.path / "report.html"
    assert study_folder.run("a").weights_path == study_folder.run("a").path / "weights.safetensors"


@pytest.mark.parametrize("kind", [StudyFolder, RunFolder])
def test_a_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, kind: type[StudyFolder] | type[RunFolder]
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    rule = r"the folder is not empty and is not a landscope (study|run); choose a new or an empty"
    with pytest.raises(UsageError, match=rule):
        kind(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    with pytest.raises(UsageError, match=r"it is a file and not a folder; choose a new folder"):
        StudyFolder(path).create()
    assert path.read_text() == "text"


def test_a_damaged_study_is_not_opened(study_folder: StudyFolder) -> None:
    study_folder.manifest_path.write_bytes(study_folder.manifest_path.read_bytes()[:-20])
    with pytest.raises(RecordError, match=r"study\.json: the manifest is cut or garbled"):
        study_folder.create()


@pytest.mark.parametrize(
    ("run_id", "flaw"),
    [
        ("", "it is empty"),
        (".", "it starts with a dot"),
        ("..", "it starts with a dot"),
        (".hidden", "it starts with a dot"),
        ("a/b", "it has '/' in it"),
        ("a\\b", "it has '.*' in it"),
        ("/etc", "it has '/' in it"),
        ("C:", "it has ':' in it"),
        ("a..b", "it has two dots in a row"),
        ("a.", "it ends with a dot or a space"),
        ("a\0b", "it has '.*x00' in it"),
        ("a\nb", "it has '.*n' in it"),
        ("a\ud800", "it has '.*ud800' in it"),
        ("a" * 129, "it has 129 characters, and 128 are allowed"),
    ],
)
def test_an_id_that_could_leave_its_folder_is_refused(
    study_folder: StudyFolder, run_id: str, flaw: str
) -> None:
    with pytest.raises(UsageError, match=rf"a run's id names a folder, and {flaw}"):
        study_folder.run(run_id)


@pytest.mark.parametrize("run_id", ["a", "vgg-noisy-batch-lr0.1-seed0", "größe 層", "a" * 128])
def test_other_ids_name_a_folder_in_the_study(study_folder: StudyFolder, run_id: str) -> None:
    run = study_folder.run(run_id)
    assert run.id == run_id
    assert run.path.parent.parent == study_folder.path


def test_a_run_alone_checks_its_name_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run id '\.mine': .* it starts with a dot"):
        RunFolder(tmp_path / ".mine").create()
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_by_id_once_they_have_a_manifest(study_folder: StudyFolder) -> None:
    assert study_folder.runs() == []
    make_run(study_folder.run("b"))
    make_run(study_folder.run("a"))
    study_folder.run("c").create()
    assert [run.id for run in study_folder.runs()] == ["a", "b"]


def test_runs_outside_of_the_study_are_not_followed(
    study_folder: StudyFolder, tmp_path: Path
) -> None:
    make_run(study_folder.run("inside"))
    outside = make_run(RunFolder(tmp_path / "outside"))
    study_folder.run("outside").path.symlink_to(outside.path, target_is_directory=True)
    with pytest.raises(RecordError, match=r"outside: it is a link out of its folder"):
        study_folder.runs()


def test_runs_that_cannot_be_listed_are_an_error(study_folder: StudyFolder) -> None:
    (study_folder.path / "runs").write_text("a file")
    with pytest.raises(RecordError, match=r"runs: it cannot be listed \(Not a directory\)"):
        study_folder.runs()


def test_the_manifest_of_a_run_that_has_ended_stays(study_folder: StudyFolder) -> None:
    run = make_run(study_folder.run("a"))
    write(run, [])
    before = run.manifest_path.read_bytes()
    with pytest.raises(RecordError, match=r"run\.json: the run has ended .* not overwritten"):
        run.write_manifest(run.manifest)
    assert run.manifest_path.read_bytes() == before


def test_nothing_is_touched_before_create(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path / "study")
    run = study.run("a")
    assert run.outcome().status == "unfinished"
    assert study.runs() == []
    assert repr(run).startswith("RunFolder(")
    assert repr(study).startswith("StudyFolder(")
    assert list(tmp_path.iterdir()) == []
