"""From records to figures and a report, without any training."""

import os
from pathlib import Path

import pytest
from tests.tiny_study import one_core, tiny_order, tiny_study

from landscope.errors import RecordError
from landscope.runs import StudyFolder
from landscope.studies.engine import run_study
from landscope.studies.listener import Listener
from landscope.studies.publish import publish


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of figure 9 that has been run to its end."""
    folder = tmp_path_factory.mktemp("publish") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda _pid: one_core())
        run_study(tiny_study((9,)), tiny_order(folder), Listener())
    return folder


def copied(study: Path, to: Path, *, without: str = "no-such-run") -> StudyFolder:
    """The records of a study alone, in another place, perhaps without one of its runs."""
    for path in study.rglob("*"):
        if path.suffix in (".json", ".jsonl") and without not in str(path):
            target = to / path.relative_to(study)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return StudyFolder(to)


def test_records_alone_give_the_same_figures_and_report(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path / "copy")
    phases: list[str] = []
    report = publish(study.path, phases.append)
    assert phases == ["drawing figures", "writing the report"]
    assert report == study.report
    assert report.read_bytes() == (finished / "report.html").read_bytes()
    for name in ("figure-09.svg", "figure-09.png"):
        assert (study.figures / name).read_bytes() == (finished / "figures" / name).read_bytes()


def test_a_study_that_is_not_there_is_told_before_any_phase(tmp_path: Path) -> None:
    phases: list[str] = []
    with pytest.raises(RecordError, match="there is no such file"):
        publish(tmp_path / "study", phases.append)
    assert phases == []
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_is_not_finished_says_how_to_go_on(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path / "copy", without="dln-batch")
    study.write_manifest(study.manifest.changed(seconds=None))
    text = (
        "copy: the study there has not been run to the end, and its figures lack runs; start the "
        "command that began it again to go on$"
    )
    with pytest.raises(RecordError, match=text):
        publish(study.path, lambda _phase: None)
    assert not study.report.exists()
    assert not study.figures.exists()


def test_a_finished_study_that_lost_a_run_says_which(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path / "copy", without="dln-batch")
    with pytest.raises(RecordError, match="run with family='dln', norm='batch', lr=1e-06: the st"):
        publish(study.path, lambda _phase: None)
    assert not study.report.exists()
