"""The contract of a kind of study: a third one is a folder and a row, and nothing else knows it."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from tests.stopping import Stopped, stopped_at, story
from tests.studies.toy.study import Descent, RecordedRun

import landscope
from landscope.cli import main
from landscope.errors import RecordError, UsageError
from landscope.runs import StudyFolder, StudyManifest, StudyRecords, read_study
from landscope.studies.engine import run_study
from landscope.studies.kind import KINDS, Order, kind_of
from landscope.studies.listener import Listener
from landscope.studies.publish import answers

SOURCE = Path(landscope.__file__).parent
STUDY = Descent((0.5, 4.0))


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "descent", "tests.studies.toy.study:Descent")


def order(tmp_path: Path, **more: object) -> Order:
    return replace(Order(tmp_path / "study", "cpu", workers=1), **more)


def test_it_runs_answers_draws_and_reports(tmp_path: Path) -> None:
    report = run_study(STUDY, order(tmp_path), Listener())
    study = read_study(tmp_path / "study")
    assert kind_of(study) is Descent
    assert [run.outcome.status for run in study.runs.values()] == ["finished", "diverged"]
    assert [answer.verdict for answer in answers(study)] == ["holds"]
    assert report is not None
    assert "<h1>Descents</h1>" in report.read_text("utf-8")
    assert (study.folder.figures / "figure-01.svg").exists()


def test_the_commands_that_read_a_study_know_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_study(STUDY, order(tmp_path), Listener())
    folder = str(tmp_path / "study")
    main(["show", folder])
    assert "Is 2 the edge?" in capsys.readouterr().out
    main(["status", folder])
    assert "lr4" in capsys.readouterr().out
    main(["report", folder])
    main(["export", folder, str(tmp_path / "table.csv")])
    assert (tmp_path / "table.csv").exists()


def test_it_runs_in_worker_processes(tmp_path: Path) -> None:
    alone, crew = order(tmp_path / "alone"), order(tmp_path / "crew", workers=2)
    for each in (alone, crew):
        run_study(STUDY, each, Listener())
    for run in ("lr0.5", "lr4"):
        assert story(crew.out / "runs" / run) == story(alone.out / "runs" / run)


def test_stopped_it_goes_on_at_its_last_checkpoint(tmp_path: Path) -> None:
    alone, kept = order(tmp_path / "alone"), order(tmp_path, checkpoint_every=0.0)
    run_study(STUDY, alone, Listener())
    with stopped_at("save", 40), pytest.raises(Stopped):
        run_study(STUDY, kept, Listener())
    run_study(STUDY, kept, Listener())
    (resumed,) = StudyFolder(kept.out).run("lr0.5").manifest.resumed
    assert resumed.step == 39
    assert story(kept.out / "runs" / "lr0.5") == story(alone.out / "runs" / "lr0.5")


def test_it_may_have_more_when_it_goes_on_and_nothing_less(tmp_path: Path) -> None:
    run_study(STUDY, order(tmp_path), Listener())
    run_study(Descent((0.5, 4.0, 1.0)), order(tmp_path), Listener())
    study = read_study(tmp_path / "study")
    assert sorted(run.settings(RecordedRun).lr for run in study.runs.values()) == [0.5, 1.0, 4.0]
    assert [run.id for run in study.manifest.runs] == ["lr0.5", "lr4", "lr1"]
    text = r"^lrs = 1.0 with the study in .*: it was begun with 0.5, 4.0 as well; give those too"
    with pytest.raises(UsageError, match=text):
        run_study(Descent((1.0,)), order(tmp_path), Listener())


def test_a_kind_that_is_not_known_is_refused() -> None:
    study = StudyRecords(StudyManifest(format=1, study="no-such"))
    text = "^study 'no-such' in memory: this landscope shows studies of the kinds santurkar2018, "
    with pytest.raises(RecordError, match=text):
        kind_of(study)


def test_nothing_but_its_folder_and_its_row_says_the_name_of_a_kind() -> None:
    """Among what runs, reads, draws and shows studies; a probe may say what it compares."""
    packages = ("runs", "findings", "figures", "report", "studies", "terminal", "cli")
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).with_suffix("").parts[0] in packages
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in KINDS
    }
    assert found == {
        "studies/kind.py",
        "studies/comparison/study.py",
        "studies/santurkar2018/study.py",
    }
