"""The table of rules, the page that documents it, and what the runs of a study show."""

import re
from pathlib import Path

import pytest

from landscope.findings import (
    Evidence,
    across,
    data,
    edge,
    gradient,
    history,
    layers,
    loss,
    measuring,
    norms,
    step,
)
from landscope.findings.finding import SEVERITIES, Rule
from landscope.findings.table import RULES

from .history import measured

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
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


def test_each_rule_has_a_test() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in tests] == []


def test_each_row_says_when_and_who_explains_it() -> None:
    for rule in RULES:
        assert rule.when
        assert rule.reference
        assert rule.severities
        assert list(rule.severities) == sorted(rule.severities, key=SEVERITIES.index)


RELATIVE, SHARPNESS = "update/relative_update", "step_size/sharpness_lr"


def test_the_most_severe_run_shows_a_finding_and_of_equals_the_longest() -> None:
    found = across(
        {
            "long": measured(SHARPNESS, [2.2] * 9),
            "severe": measured(SHARPNESS, [4.0] * 3),
            "severe and longer": measured(SHARPNESS, [3.0] * 4),
            "calm": measured(SHARPNESS, [1.0] * 9),
        }
    )
    (edge,) = found
    assert (edge.finding.id, edge.finding.severity) == ("beyond-the-edge", "warning")
    assert edge.run == "severe and longer"
    assert edge.others == (("long", "info"), ("severe", "warning"))
    assert (edge.count, edge.of) == (3, 4)


def test_the_most_severe_finding_comes_first_and_then_the_order_of_the_table() -> None:
    found = across(
        {
            "one": measured("noise_scale/efficiency", [0.01] * 3),
            "two": [*measured(RELATIVE, [0.5] * 3), *measured(SHARPNESS, [4.0] * 3)],
            "three": measured("gradient/agreement", [0.1] * 3),
        }
    )
    assert [one.finding.id for one in found] == [
        "loss-not-trained",
        "beyond-the-edge",
        "update-too-large",
        "noise-dominates",
    ]


def test_no_runs_and_runs_without_readings_have_none() -> None:
    assert across({}) == []
    assert across({"empty": []}) == []


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (
            Evidence("a/b", (3, 6, 9), (1.0, 3.0, 2.0)),
            "a/b: 1 to 3, 3 measurements from step 3 to 9",
        ),
        (Evidence("a/b", (3,), (2.0,), unit="loss"), "a/b: 2 loss, 1 measurement at step 3"),
        (Evidence("a/b", (3, 6)), "a/b: 2 measurements from step 3 to 6"),
        (
            Evidence("a/b", (3, 6), (1.0, 2.0), ("fc", "conv"), "s"),
            "a/b: 1 s at fc since step 3 and 2 s at conv since step 6",
        ),
        (
            Evidence("a/b", (0,) * 5, (1.0,) * 5, tuple("vwxyz")),
            "a/b: 1 at v since step 0, 1 at w since step 0, 1 at x since step 0 and 2 more",
        ),
    ],
)
def test_evidence_in_a_few_words(evidence, said) -> None:
    assert evidence.summary == said
