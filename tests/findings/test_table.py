"""The table of symptoms, and the page that tells it."""

import re
from pathlib import Path

import pytest

from landscope.findings import lasting
from landscope.findings.finding import SEVERITIES
from landscope.findings.phrase import counted, larger, listed, number, percent
from landscope.findings.table import SYMPTOMS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "findings.md"
ROOM = ROOT / "src" / "landscope" / "findings"


def row(symptom) -> str:
    when = symptom.when.replace("||", r"\|\|")
    severity = " or ".join(symptom.severities)
    return f"| `{symptom.id}` | {severity} | {when} | {symptom.reference} |"


def test_the_page_and_the_table_agree() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == [row(symptom) for symptom in SYMPTOMS]


def test_the_page_tells_the_rule_of_what_lasts() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    assert f"a majority of the last {lasting.LAST} looks" in page
    assert f"at least {lasting.LEAST} of them" in page


def test_ids_are_words_with_hyphens_and_each_is_in_the_table() -> None:
    ids = [symptom.id for symptom in SYMPTOMS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", each) for each in ids)
    sources = [path.read_text("utf-8") for path in ROOM.glob("*.py")]
    found = [each for text in sources for each in re.findall(r'= Symptom\(\s*"([^"]+)"', text)]
    assert sorted(found) == sorted(ids)


def test_each_row_says_when_and_who_explains_it() -> None:
    for symptom in SYMPTOMS:
        assert symptom.when
        assert symptom.reference
        assert symptom.severities
        assert list(symptom.severities) == sorted(symptom.severities, key=SEVERITIES.index)


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
