import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from tests.figures.study_fixture import Synthetic, write_run
from tests.report.conftest import ANSWERS

from landscope.errors import RecordError, StorageError, UsageError
from landscope.quantities import TRAINING
from landscope.reading import Reading
from landscope.report.content import Answer, Number, probe_rows
from landscope.report.page import as_script, policy
from landscope.runs import StudyRecords, read_study
from landscope.studies.publish import render, specify, write_report

LOADS = {"src", "href", "action", "data", "poster", "srcset", "formaction", "background"}


class Outline(HTMLParser):
    """What a page is made of: elements with their attributes, and the text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._skipping = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._skipping = tag in ("script", "style")
        self.text += " "

    def handle_endtag(self, tag: str) -> None:
        self._skipping = self._skipping and tag not in ("script", "style")
        self.text += " "

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def outline(report: Path) -> Outline:
    return Outline(report.read_text(encoding="utf-8"))


def test_report_is_one_file_in_the_study(report: Path, study: StudyRecords) -> None:
    assert report == study.folder.report
    files = {path.name for path in report.parent.iterdir() if path.is_file()}
    assert files == {"study.json", "report.html"}


def test_nothing_is_loaded_from_anywhere(outline: Outline) -> None:
    for tag, attributes in outline.elements:
        for name in LOADS & set(attributes):
            value = attributes[name] or ""
            assert value.startswith(("data:", "#")), (tag, name, value[:60])


def test_answers_come_first_with_their_verdicts_in_words(outline: Outline) -> None:
    text = " ".join(outline.text.split())
    places = [text.index(f"claim: {answer.verdict} {answer.headline}") for answer in ANSWERS]
    assert places == sorted(places)
    assert places[-1] < text.index("What to look for.")
    assert "accuracy at step 100 0.8312 vgg-batch-lr0.1-seed0" in text
    assert "shift of the mean 3.20e-7 rms" in text
    assert "A first synthetic sentence." in text


def test_figures_have_captions_pictures_and_numbers(outline: Outline, study: StudyRecords) -> None:
    pictures = outline.all("img")
    assert len(pictures) == 4
    for number, picture in zip((1, 4, 6, 11), pictures, strict=True):
        spec = specify(number, study)
        assert picture["alt"] == spec.description
        assert (picture["src"] or "").startswith("data:image/svg+xml;base64,")
        assert spec.caption in outline.text
        assert f"Figure {number} in numbers" in outline.text


def test_contents_lead_to_what_is_there(outline: Outline) -> None:
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [(attributes["href"] or "")[1:] for attributes in outline.all("a")]
    assert {"answers", "figure-4", "method", "runs", "answer-smoother"} <= set(links)
    assert set(links) <= set(ids)


def test_headings_step_down_one_level_at_a_time(outline: Outline) -> None:
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_head_says_what_was_run(outline: Outline) -> None:
    text = " ".join(outline.text.split())
    assert "Preset quick" in text
    assert "vgg-small on fashion-mnist, 60 steps, batches of 128, 11 runs" in text
    assert "cpu, 2 workers, 1 thread" in text
    assert "2026-01-01 12:00 UTC" in text
    assert "3 min 7 s" in text


def test_runs_are_listed_with_how_they_ended(outline: Outline, study: StudyRecords) -> None:
    text = " ".join(outline.text.split())
    assert all(run in text for run in study.runs)
    line = text.split("vgg-none-lr0.5-seed0 VGG No norm 0.5 60 ")[1]
    assert line.startswith("not finite 10 % not finite diverged at step 30 3.5 s")
    run = study.find(norm="batch", lr=0.5)
    accuracy = 100 * run.series(TRAINING.train_accuracy)[1][-1]
    line = text.split("vgg-batch-lr0.5-seed0 VGG Batch norm 0.5 60 ")[1]
    assert line.startswith(f"{accuracy:.4g} %")


def test_every_script_is_in_the_policy_by_its_hash(outline: Outline) -> None:
    content = next(
        attributes["content"] or ""
        for attributes in outline.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    code = [script for script in outline.all("script") if script.get("type") is None]
    assert len(code) == 3
    assert content.count("'sha256-") == 3
    assert content.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in content
    assert "img-src data:;" in content


def test_equal_studies_give_equal_pages(study: StudyRecords) -> None:
    figures = [specify(11, study)]
    assert render(study, [], figures) == render(study, [], figures)


def test_page_without_answers_says_so(study: StudyRecords) -> None:
    assert "No claim was tested." in render(study, [], [])


@pytest.mark.parametrize(("unit", "said"), [("rms", True), ("1", False)])
def test_numbers_without_a_unit_have_no_column_for_it(
    study: StudyRecords, unit: str, said: bool
) -> None:
    numbers = (Number("accuracy", 0.5, "1", ""), Number("shift", 0.5, unit, ""))
    answer = Answer("one", "A question?", "holds", "Yes.", (), numbers, "Figure 2")
    heads = Outline(render(study, [answer], [])).text.split()
    assert ("Unit" in heads) is said


def test_study_without_a_preset_still_has_a_page(tmp_path: Path) -> None:
    bare = {"preset": {}, "started": None, "seconds": None, "versions": {}}
    study = Synthetic(steps=10, looks=2, manifest=bare).write(tmp_path / "study")
    page = " ".join(Outline(render(study, [], [])).text.split())
    assert "Started not recorded Wall time not recorded" in page


def test_report_waits_for_missing_rows(tmp_path: Path) -> None:
    synthetic = Synthetic(steps=10, looks=2, runs=(("vgg", "none", 0.1),))
    study = synthetic.write(tmp_path / "study")
    with pytest.raises(RecordError, match="the study has no such run"):
        write_report(study, [], tmp_path / "study")
    assert not study.folder.report.exists()


def test_folder_that_is_not_there(study: StudyRecords, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"report\.html: it cannot be written"):
        write_report(study, [], tmp_path / "gone")


def test_script_cannot_hold_its_own_end() -> None:
    with pytest.raises(UsageError, match="does not hold its own end"):
        as_script("let x = '</SCRIPT>'")


def test_comment_in_a_script_is_defused() -> None:
    assert as_script("let x = '<!--';\r\n") == "let x = '<\\!--';\n"


def test_hash_of_the_policy_is_that_of_the_standard() -> None:
    # The example of Content Security Policy Level 3, section 2.3.1, for this very script.
    known = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    assert known in policy([as_script("alert('Hello, world.');")])


def test_report_loads_no_torch() -> None:
    code = "import sys, landscope.report.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_probes_say_their_functions_once(tmp_path: Path) -> None:
    path = tmp_path / "study"
    Synthetic(steps=10, looks=2).write(path)
    texts = [f"training mode, batch {at} of epoch 0, 128 samples" for at in range(3)]
    texts += [f"evaluation mode, set {at}" for at in range(9)]
    about = ("mine", "loss", 1.0)
    write_run(
        path / "runs" / "mine",
        [Reading(at, *about, function=text, seconds=2.0) for at, text in enumerate(texts)],
    )
    row = probe_rows(read_study(path))[-1]
    assert row.probe == "mine"
    assert row.functions[0] == "training mode, the step's own batch, 128 samples"
    assert row.functions[1] == "evaluation mode, set 0"
    assert row.functions[-1] == "and 4 more"
    assert len(row.functions) == 7
    assert row.seconds == "24.0 s"
