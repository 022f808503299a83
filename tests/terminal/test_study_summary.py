"""A study in the terminal: its answers, and a line for each of its runs."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tests.comparison_study import Compared

from landscope.reading import Reading
from landscope.runs import Journal, Outcome, StudyFolder, StudyRecords, read_study
from landscope.studies.publish import answers
from landscope.terminal.summary import print_summary

ACCURACY = np.linspace(0.2, 0.9, 30)


@pytest.fixture
def study(tmp_path: Path) -> StudyRecords:
    """A run that finished, one that diverged and one that was interrupted: made-up numbers."""
    folder = StudyFolder(tmp_path / "[study]")
    folder.create()
    folder.write_manifest({"format": 1, "study": "santurkar2018", "seed": 0, "seconds": None})
    ended = {
        "batch": Outcome("finished", 30, 12.25),
        "none": Outcome("diverged", 29, 3.0),
        "l1": None,
    }
    for norm, outcome in ended.items():
        run = folder.run(f"vgg-{norm}-lr0.1-seed0")
        run.create()
        config = {"family": "vgg", "norm": norm, "lr": 0.1, "steps": 30}
        run.write_manifest({"format": 1, "id": run.id, "config": config, "layers": []})
        with Journal.create(run) as journal:
            for step, accuracy in enumerate(ACCURACY.tolist()):
                journal.write(Reading(step, "training", "train_loss", 2.0 - 0.01 * step))
                journal.write(Reading(step, "training", "train_accuracy", accuracy))
            if outcome is not None:
                journal.write(Reading(30, "training", "test_accuracy", 0.75))
                journal.finish(outcome)
    return read_study(folder.path)


def printed(study: StudyRecords, report: Path | None = None, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    print_summary(console, study, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_each_question_has_its_verdict_and_headline(study: StudyRecords) -> None:
    told = printed(study)
    for answer in answers(study):
        at = told.index(answer.question)
        assert told[at + 1] == f"  {answer.verdict}"
        assert answer.headline.startswith(told[at + 2].strip())


def test_each_run_has_its_outcome_and_its_last_numbers(study: StudyRecords) -> None:
    rows = {
        line.split()[0]: line.split()[1:] for line in printed(study, width=200) if "vgg-" in line
    }
    mean = f"{ACCURACY[-20:].mean():.1%}"
    assert rows == {
        "vgg-batch-lr0.1-seed0": ["finished", "1.71", mean, "75.0%", "12.2"],
        "vgg-none-lr0.1-seed0": ["diverged", "at", "step", "29", "1.71", mean, "75.0%", "3.0"],
        "vgg-l1-lr0.1-seed0": ["unfinished", "1.71", mean],
    }


def test_a_study_that_is_not_finished_says_how_to_go_on(study: StudyRecords) -> None:
    text = "Not all runs have ended: start the same command again to resume."
    assert printed(study)[-1] == text
    study.manifest = study.manifest.changed(seconds=3.0)
    assert text not in printed(study)


def test_the_report_is_named_in_one_line_however_long(study: StudyRecords) -> None:
    report = Path("[bold]" + "x" * 100) / "report.html"
    assert printed(study, report)[-1] == f"Report: {report}"


def test_a_comparison_has_a_line_for_each_norm_and_rate(tmp_path: Path) -> None:
    compared = Compared(norms=("none", "batch"), diverged={("none", 0.1, 1): 12})
    rows = printed(compared.write(tmp_path / "compared"), width=100)[-4:]
    assert [row.split()[:3] for row in rows] == [
        ["No", "norm", "0.01"],
        ["No", "norm", "0.1"],
        ["Batch", "norm", "0.01"],
        ["Batch", "norm", "0.1"],
    ]
    assert "1 of 3" in rows[1]
    assert [row.split()[-1] for row in rows] == ["10", "10", "13", "13"]


def test_a_comparison_that_has_not_ended_is_shown(tmp_path: Path) -> None:
    lost = (("batch", 0.1, 1), ("batch", 0.01, 0), ("batch", 0.01, 1), ("batch", 0.01, 2))
    study = Compared(norms=("none", "batch"), missing=lost, manifest={"seconds": None})
    assert printed(study.write(tmp_path / "compared"), width=100)[-2].split()[:2] == [
        "Batch",
        "norm",
    ]


def test_findings_stand_between_answers_and_runs_with_how_many_show_them(tmp_path: Path) -> None:
    study = Compared(norms=("none", "batch"), beta={"none": 200.0, "batch": 1.0}, lrs=(0.1,))
    told = printed(study.write(tmp_path / "compared"), width=100)
    at = told.index("Findings")
    assert told[at + 1].split() == ["warning", "beyond-the-edge", "in", "3", "of", "6", "runs"]
    assert told[at + 2] == ""
    assert told[at + 3].split()[:2] == ["norm", "lr"]


@pytest.mark.parametrize("width", [1, 30])
def test_a_narrow_terminal_is_no_trouble(study: StudyRecords, width: int) -> None:
    assert printed(study, width=width)


def test_a_folder_that_a_terminal_would_obey_is_shown_as_text(study: StudyRecords) -> None:
    text = "".join(printed(study, Path("\x1b]0;pwned\x07") / "\u202egnp" / "report.html", 400))
    assert "Report: ?]0;pwned?/?gnp/report.html" in text
    assert text.isprintable()
