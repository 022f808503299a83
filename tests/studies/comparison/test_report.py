"""The report of a comparison: its own words and tables, in the same page."""

from pathlib import Path

import pytest
from tests.comparison_study import Compared
from tests.report.test_page import LOADS, Outline

from landscope.studies.comparison.report import page
from landscope.studies.publish import answers, publish

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "study"
    study = Compared(diverged={("none", 0.1, 2): 30}, manifest={"loss": HOSTILE})
    study.write(path)
    publish(path, lambda _phase: None)
    return path


@pytest.fixture(scope="module")
def outline(folder: Path) -> Outline:
    return Outline((folder / "report.html").read_text("utf-8"))


def test_the_page_speaks_of_the_comparison_and_not_of_the_paper(outline: Outline) -> None:
    assert "What each norm does for this model" in outline.text
    assert "s claim: " not in outline.text
    assert "Numbered as in the paper" not in outline.text
    for word in ("decided", "undecided", "Batch norm", "mine.py:make_model", "Bonferroni"):
        assert word in outline.text
    assert len([one for one in outline.all("section") if one.get("class") == "figure"]) == 6


def test_the_page_loads_nothing_and_holds_no_markup_of_the_study(outline: Outline) -> None:
    for _tag, attributes in outline.elements:
        for name in LOADS & set(attributes):
            value = attributes[name] or ""
            assert value.startswith(("#", "data:")), (name, value)
        assert "onerror" not in attributes
    assert HOSTILE in outline.text


def test_figures_lie_beside_the_report(folder: Path) -> None:
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {f"figure-0{at}.{kind}" for at in range(1, 7) for kind in ("svg", "png")}


def test_the_head_says_what_was_compared(tmp_path: Path) -> None:
    found = page(Compared(lrs=(0.1, 1e-6)).write(tmp_path / "study"))
    told = {fact.name: fact.value for fact in found.facts}
    assert told["Norms"] == "No norm, Batch norm, Group norm"
    assert told["Learning rates"] == "1e-6, 0.1"
    assert told["Runs"] == "18, seeds 0, 1, 2"
    assert told["Steps"] == "60, measured every 10"
    assert told["Wall time"] == "1 min 2 s"
    assert {fact.name: fact.value for fact in found.settings}["loss"] == "cross-entropy"


def test_each_run_has_a_line_with_its_seed_and_outcome(tmp_path: Path) -> None:
    study = Compared(lrs=(0.1,), seeds=(0, 5), diverged={("none", 0.1, 5): 30})
    found = page(study.write(tmp_path / "study"))
    rows = [dict(zip(found.columns, line.cells, strict=True)) for line in found.runs]
    outcomes = [line.outcome for line in found.runs]
    told = zip(rows, outcomes, strict=True)
    assert [(row["Norm"], row["Seed"], outcome) for row, outcome in told] == [
        ("No norm", "0", "finished"),
        ("No norm", "5", "diverged at step 30"),
        ("Batch norm", "0", "finished"),
        ("Batch norm", "5", "finished"),
        ("Group norm", "0", "finished"),
        ("Group norm", "5", "finished"),
    ]
    assert rows[1]["Loss at the end"] == "-"
    assert rows[0]["A step"].endswith(" ms")


def test_the_answers_of_the_page_are_those_of_the_records(folder: Path, outline: Outline) -> None:
    from landscope.runs import read_study

    for answer in answers(read_study(folder)):
        assert answer.headline in outline.text
