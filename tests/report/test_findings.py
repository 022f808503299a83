"""The section of findings: each told once, by the run that shows it most clearly."""

from pathlib import Path

import pytest
from tests.comparison_study import Compared
from tests.figures.study_fixture import Synthetic, write_run
from tests.findings.history import measured
from tests.report.test_page import Outline

from landscope.runs import StudyRecords, read_study
from landscope.studies.publish import render

HOSTILE = "</script><img src=x onerror=alert(1)>"


def with_findings(path: Path) -> StudyRecords:
    """A study of which three runs turn round, one longer than the others, and one oscillates."""
    Synthetic(steps=10, looks=2, runs=(("vgg", "batch", 0.1),)).write(path)
    cosine, back = "covariate_shift/shift_cosine", "update/successive_cosine"
    runs = {
        "first": measured(cosine, [-0.5] * 4, HOSTILE),
        "second": [*measured(cosine, [-0.5] * 4, HOSTILE), *measured(cosine, [-0.6] * 4, "fc")],
        "third": [*measured(cosine, [-0.5] * 4, "fc"), *measured(back, [-0.9] * 4)],
    }
    for name, readings in runs.items():
        write_run(path / "runs" / name, readings)
    return read_study(path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(with_findings(tmp_path_factory.mktemp("findings") / "study"), [], [])


def section(page: str) -> str:
    text = " ".join(Outline(page).text.split())
    return text.split(" Findings ")[-1].split(" Figures ")[0]


def test_each_finding_is_told_once_the_most_severe_first(page: str) -> None:
    told = section(page)
    warning, info = "warning updates-oscillate in 1 of 4 runs", "info gradient-turns-round in 3 of"
    assert told.count("updates-oscillate") == told.count("gradient-turns-round") == 1
    assert told.index(warning) < told.index(info)
    assert "Updates oscillate: the cosine between successive updates is -0.9" in told
    assert "What helps. Lower the learning rate, or average over steps" in told
    assert "Reference: Xing et al. 2018, arXiv 1802.08770, section 3." in told


def test_the_run_that_shows_it_most_clearly_tells_it_and_the_others_are_named(page: str) -> None:
    told = section(page)
    evidence = f"covariate_shift/shift_cosine: -0.6 at fc since step 0 and -0.5 at {HOSTILE} since"
    assert f"Run second : {evidence} step 0." in told
    assert told.endswith("The other 2 runs first third")
    assert "Run third : update/successive_cosine: -0.9, 4 measurements from step 0 to 300." in told


def test_names_in_findings_are_text(page: str) -> None:
    outline = Outline(page)
    assert not any("onerror" in attributes for _, attributes in outline.elements)
    assert not any("style" in attributes for _, attributes in outline.elements)


def test_the_contents_lead_to_the_findings_between_answers_and_figures(page: str) -> None:
    outline = Outline(page)
    links = [attributes["href"] for attributes in outline.all("a")]
    places = [links.index(f"#{name}") for name in ("findings", "figures", "method")]
    assert places == sorted(places)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    order = ["answers", "findings", "finding-updates-oscillate", "finding-gradient-turns-round"]
    assert [each for each in ids if each in (*order, "figures")] == [*order, "figures"]


def test_runs_without_findings_are_said_to_have_none(tmp_path: Path) -> None:
    study = Compared(norms=("batch",), lrs=(0.1,)).write(tmp_path / "study")
    assert section(render(study, [], [])) == "No problems found in the readings of any run."
