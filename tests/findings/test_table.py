"""The table of rules, and the page that documents it."""

import ast
import re
from pathlib import Path

import pytest

import landscope
from landscope.findings import (
    data,
    edge,
    gradient,
    history,
    layers,
    loss,
    measuring,
    norms,
    quantities,
    step,
)
from landscope.findings.finding import SEVERITIES, Rule
from landscope.findings.phrase import counted, larger, listed, number, percent
from landscope.findings.quantities import Quantity
from landscope.findings.table import RULES

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
SOURCE = Path(landscope.__file__).parent
READERS = {"findings", "figures", "claims", "report", "terminal"}  # they record nothing
THEMES = (data, edge, gradient, layers, loss, measuring, norms, step)


def row(rule) -> str:
    when = rule.when.replace("||", r"\|\|")
    severity = " or ".join(rule.severities)
    return f"| `{rule.id}` | {severity} | {when} | {rule.reference} |"


def test_the_page_and_the_table_agree() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == [row(rule) for rule in RULES]


def test_the_page_defines_what_is_sustained() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    assert f"a majority of the last {history.LAST} measurements" in page
    assert f"at least {history.LEAST} of them" in page


def test_ids_are_words_with_hyphens_and_each_is_in_the_table() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", each) for each in ids)
    made = [each for theme in THEMES for each in vars(theme).values() if isinstance(each, Rule)]
    assert {rule.id for rule in made} == set(ids)


def test_each_row_says_when_and_who_explains_it() -> None:
    for rule in RULES:
        assert rule.when
        assert rule.reference
        assert rule.severities
        assert list(rule.severities) == sorted(rule.severities, key=SEVERITIES.index)


def test_each_quantity_is_one_that_the_package_records() -> None:
    named = [each for each in vars(quantities).values() if isinstance(each, Quantity)]
    assert len({each.key for each in named}) == len(named)
    recorders = [
        path for path in SOURCE.rglob("*.py") if not READERS & set(path.relative_to(SOURCE).parts)
    ]
    written = {
        node.value
        for path in recorders
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
    }
    whole_or_begun = {each.name: (each.name, f"{each.name.rpartition('_')[0]}_") for each in named}
    assert [name for name, parts in whole_or_begun.items() if written.isdisjoint(parts)] == []


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
    assert (counted(1, "look"), counted(2, "look")) == ("1 look", "2 looks")
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
