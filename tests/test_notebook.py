"""Tables in a notebook: what they say, and that nobody's name is markup in them."""

import html
from html.parser import HTMLParser

from landscope.findings import Findings, find
from landscope.measures.line import Line
from landscope.measures.step_size import StepSize
from landscope.notebook import html_table
from landscope.reading import Reading

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
