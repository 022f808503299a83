"""docs/performance.md and the README say what the results say."""

import json

import pytest
from tests.benchmarks.written import BUDGET, LINE, SHIFT

from benchmarks.marked import NOTHING
from benchmarks.page import PAGES, filled
from benchmarks.settings import RESULTS

PERFORMANCE, README = (path.read_text("utf-8") for path in PAGES)


def between(page, mark):
    return page.partition(f"<!-- results: {mark} -->\n")[2].partition("\n<!-- end -->")[0]


@pytest.mark.parametrize("page", [PERFORMANCE, README], ids=["performance", "readme"])
def test_a_page_has_the_numbers_of_the_results_and_no_others(page):
    assert filled(page, RESULTS) == page


@pytest.mark.parametrize(
    "mark", ["machine", "covariate_shift", "line", "growth", "declared", "budget"]
)
def test_where_nothing_was_measured_the_page_says_so(tmp_path, mark):
    page = filled(PERFORMANCE, tmp_path)

    assert between(page, mark) == NOTHING


def test_a_missed_bar_is_bold(tmp_path):
    (tmp_path / "covariate_shift-cpu.json").write_text(json.dumps(SHIFT), "utf-8")

    page = filled(PERFORMANCE, tmp_path)

    (row,) = between(page, "covariate_shift").splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:5] == ["dln / batch", "25", "1000", "2", "1.5"]
    assert cells[7] == "0.963"
    assert cells[8] == "0.4 (0.3 - 0.5)"
    assert cells[10:13] == ["24.50", "12.20", "4.00"]
    assert cells[13] == "**1.67**"
    assert "commit 0123456, with changes" in between(page, "machine")


def test_the_readme_tells_steps_for_networks_with_their_norm(tmp_path):
    (tmp_path / "covariate_shift-cpu.json").write_text(json.dumps(SHIFT), "utf-8")

    page = filled(README, tmp_path)

    assert between(page, "summary").splitlines()[2:] == [
        "| dln | 25 | 24.5 steps | 12.2 steps | 4.0 steps |"
    ]


def test_a_peer_that_did_not_run_is_named_with_its_error(tmp_path):
    (tmp_path / "line-cpu.json").write_text(json.dumps(LINE), "utf-8")

    page = filled(PERFORMANCE, tmp_path)

    assert between(page, "line").splitlines() == [
        "| network / norm | batch | ours / passes | ours, in steps | by hand, in steps |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| dln / none | 1000 | 1.000 | 4.00 | 5.00 |",
        "",
        "- broken did not run: `ImportError: no such package`",
    ]


def test_a_share_beyond_its_budget_is_bold(tmp_path):
    (tmp_path / "budget-cpu.json").write_text(json.dumps(BUDGET), "utf-8")

    page = filled(PERFORMANCE, tmp_path)

    heads = (
        "| network / norm | batch | steps | ms a step | of 1% | of 5% | looks at 1% | looks at 5% "
    )
    assert between(page, "budget").splitlines() == [
        heads + "| idle, us | idle operations |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| dln / batch | 16 | 1000 | 12.3 | 0.95% | **6.00%** | 7 | 41 | 9.9 | 0 |",
    ]
