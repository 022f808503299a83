"""Numbers, durations, lists and tables as text, and that nobody's name is markup in them."""

import html
import math
from html.parser import HTMLParser

import pytest

from landscope.findings import Findings, find
from landscope.measures.line import Line
from landscope.measures.step_size import StepSize
from landscope.reading import Reading
from landscope.text import (
    amount,
    change,
    counted,
    full_duration,
    html_table,
    larger,
    listed,
    lr_text,
    number,
    number_text,
    percent,
    times,
)

SCRIPT = "<script>alert('&')</script>"


class Cells(HTMLParser):
    """Tags, and the text of each cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style"}
        if tag in ("td", "th", "caption", "p"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.cells[-1] += data


def test_a_table_holds_its_caption_headings_and_cells() -> None:
    read = Cells(html_table("what", ("a", "b"), [("1", "2"), ("3", "4")]))
    assert read.cells == ["what", "a", "b", "1", "2", "3", "4"]
    assert read.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def test_without_rows_there_is_a_sentence_and_no_table() -> None:
    read = Cells(html_table(SCRIPT, ("a", "b"), []))
    assert read.cells == [SCRIPT]
    assert read.tags == {"p"}


def test_every_word_is_escaped() -> None:
    text = html_table(SCRIPT, (SCRIPT,), [(SCRIPT,)])
    assert "<script" not in text
    assert text.count(html.escape(SCRIPT)) == 3
    assert Cells(text).cells == [SCRIPT] * 3


def dead(layer: str) -> list[Reading]:
    return [
        Reading(step, "norm_health", "dead_scales", 0.9, layer=layer) for step in range(0, 100, 10)
    ]


def test_findings_are_a_list_and_a_table() -> None:
    findings = find(dead(SCRIPT))
    assert isinstance(findings, Findings)
    (finding,) = findings
    assert SCRIPT in finding.sentence
    text = findings._repr_html_()
    assert "<script" not in text
    cells = Cells(text).cells
    assert cells[0].startswith("Findings: 1.")
    assert {finding.severity, finding.sentence, finding.remedy, finding.id} <= set(cells)


def test_findings_read_as_sentences() -> None:
    findings = find(dead("norm"))
    assert repr(findings) == str(findings[0])
    assert findings == list(findings)


def test_no_finding_says_so() -> None:
    assert repr(find([])) == "Nothing was measured, so nothing can be said."
    assert Cells(find([])._repr_html_()).cells == ["Nothing was measured, so nothing can be said."]
    assert find([]) == []


def test_a_line_is_a_table_of_its_step_sizes() -> None:
    line = Line((0.1, 0.2), (1.5, 2.5), (3.0, 4.0), (5.0, 6.0), (1.5, 2.5), 1.25, 7.0)
    cells = Cells(line._repr_html_()).cells
    assert "effective beta 6" in cells[0]
    assert "1.25 at 0" in cells[0]
    assert cells[5:] == ["0.1", "1.5", "3", "5", "0.2", "2.5", "4", "6"]


def test_a_step_is_a_table_of_its_multiples() -> None:
    step = StepSize((1.0, 2.0), (0.5, 3.0), 1.0, 0.25, 1.0, 2.0, 1.0)
    cells = Cells(step._repr_html_()).cells
    assert "safe up to 1 times lr 0.25" in cells[0]
    assert "beta x lr 0.5" in cells[0]
    assert cells[3:] == ["1", "0.5", "2", "3"]


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "1.23e+04"), (0.5, "0.5"), (math.inf, "an overflow")]
)
def test_an_amount_has_three_digits(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (2.04, "2 times"),
        (13.4, "13 times"),
        (445_000.0, "440,000 times"),
        (1e6, "over a million times"),
        (1e17, "over a million times"),
    ],
)
def test_times_has_two_digits(ratio: float, text: str) -> None:
    assert times(ratio) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1.0, 1.0, "the same"),
        (math.inf, math.inf, "the same"),
        (26.0, 2.0, "13 times smaller"),
        (2.0, 26.0, "13 times larger"),
        (1.0, 1.87, "87% larger"),
        (1.0, 0.6, "40% smaller"),
        (1.0, 1.0001, "less than 1% larger"),
        (0.0, 2.0, "larger"),
        (2.0, 0.0, "smaller"),
        (math.inf, 2.0, "smaller"),
        (2.0, math.inf, "larger"),
    ],
)
def test_a_change_says_which_way_and_how_far(before: float, after: float, text: str) -> None:
    assert change(before, after) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "not recorded"), (3.25, "3.2 s"), (187.2, "3 min 7 s"), (7384, "2 h 3 min")],
)
def test_a_full_duration_has_all_its_parts(seconds: float | None, text: str) -> None:
    assert full_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"),
        (-0.4123, "-0.412"),
        (12345.0, "12,300"),
        (1e-3, "0.001"),
        (9.99e-4, "9.99e-4"),
        (1.2e-7, "1.2e-7"),
        (2.5e9, "2.5e9"),
        (128.0, "128"),
        (float("inf"), "an overflow"),
    ],
)
def test_numbers_have_three_digits(value, told) -> None:
    assert number(value) == told


def test_shares_counts_and_lists_in_words() -> None:
    assert (percent(0.345), percent(0.05)) == ("34.5%", "5%")
    assert (larger(0.2), larger(11.0)) == ("20% higher", "12 times as high")
    assert (counted(1, "run"), counted(2, "run")) == ("1 run", "2 runs")
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(("lr", "text"), [(1e-6, "1e-6"), (0.1, "0.1"), (2.5e-7, "2.5e-7")])
def test_lr_text(lr: float, text: str) -> None:
    assert lr_text(lr) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.83123, "0.8312"),
        (1234.5678, "1,235"),
        (35012.3, "35,012"),
        (3.2e-7, "3.20e-7"),
        (-4.5e9, "-4.50e9"),
        (math.nan, "not a number"),
        (math.inf, "infinite"),
        (-math.inf, "minus infinite"),
    ],
)
def test_number_text(value: float, text: str) -> None:
    assert number_text(value) == text
