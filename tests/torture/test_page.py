"""docs/reliability.md says what the results say."""

import json
from pathlib import Path

import pytest

from benchmarks.marked import NOTHING
from torture.page import PAGE, filled
from torture.results import RESULTS
from torture.table import ROWS

PROVENANCE = {
    "processor": "A processor",
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "date": "2026-01-02T03:04:05+00:00",
    "commit": "0123456789abcdef",
    "changed since the commit": False,
}
RESULT = {
    "provenance": PROVENANCE,
    "form": {"short": False, "seed": 0},
    "seconds": 61.4,
    "bars": [
        {"bar": "silently wrong", "value": 0.0, "rule": "at most 0", "met": True},
        {"bar": "mutations", "value": 2999.0, "rule": "at least 3000", "met": False},
    ],
    "rows": [{"file": "journal", "mutations": 2999, "seconds": 1.5}],
}


def test_the_page_has_the_numbers_of_the_results_and_no_others() -> None:
    page = PAGE.read_text("utf-8")
    assert filled(page, RESULTS) == page


def test_each_row_has_its_place_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert all(f"<!-- results: {name} -->\n" in page for name in ROWS)


def test_a_table_its_bars_and_the_machine_stand_between_the_marks(tmp_path: Path) -> None:
    (tmp_path / "fuzz.json").write_text(json.dumps(RESULT), "utf-8")
    page = filled("a\n<!-- results: fuzz -->\n<!-- end -->\nb\n", tmp_path)
    assert page.splitlines() == [
        "a",
        "<!-- results: fuzz -->",
        "| file | mutations | seconds |",
        "| --- | ---: | ---: |",
        "| journal | 2,999 | 1.5 |",
        "",
        "- silently wrong: 0, where at most 0 is allowed",
        "- **mutations: 2,999, where at least 3000 is allowed: missed**",
        "",
        "61 seconds on A processor; Python 3.11.7, torch 2.13.0; 2026-01-02, commit 0123456.",
        "<!-- end -->",
        "b",
    ]


def test_where_nothing_was_measured_the_page_says_so(tmp_path: Path) -> None:
    page = filled("<!-- results: fuzz -->\n<!-- end -->\n", tmp_path)
    assert page.splitlines()[1] == NOTHING


def test_a_mark_of_no_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"a mark typo-2, and the rows are .*fuzz"):
        filled("<!-- results: typo-2 -->\n<!-- end -->\n", tmp_path)
