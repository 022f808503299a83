"""The words of the glossary: what users read has none of those that it replaced."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "landscope"

WORDS = (
    "as said",
    "by the book",
    r"houses?",
    "lastingly",
    r"mend(s|ed|ing)?",
    r"rooms?",
    "so manieth",
    "standing(?!:)",  # but an argument may have that name
    "told",
    # "look" as a noun for a measurement, not as a verb.
    r"(an?|any|coming|each|earlier|every|first|last|next|no|of|one|other|the|two) looks?",
    r"[0-9]+ looks?",
    r"looks (are|at [0-9]+%|of|so far)",
)
FORBIDDEN = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)

RECORDED = {
    "averaged over the looks so far": "recorded text, which old folders hold",
    "samples of the first look": "recorded text, which old folders hold",
    "looks at 1%": "a column of a table that the benchmarks fill",
}
"""What stays, and why."""

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def literals(code: str) -> list[str]:
    """The strings and docstrings of a module, each as one line; names in quotes are no text."""
    found = [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return [" ".join(text.split()) for text in found if " " in text]


def forbidden(text: str) -> list[str]:
    """The words of the list in a text, with what stands around them."""
    for kept in RECORDED:
        text = text.replace(kept, "")
    return [text[max(0, word.start() - 30) : word.end() + 30] for word in FORBIDDEN.finditer(text)]


@pytest.mark.parametrize(
    "text", ["one look takes 3 s", "It was told.", "12 looks", "As said.", "no room", "the house"]
)
def test_the_list_finds_its_words(text: str) -> None:
    assert len(forbidden(text)) == 1


def test_text_of_the_source_keeps_to_the_glossary() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): words
        for path in sorted(SOURCE.rglob("*.py"))
        if (words := [word for text in literals(path.read_text()) for word in forbidden(text)])
    }
    assert found == {}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_keeps_to_the_glossary(path: Path) -> None:
    assert forbidden(" ".join(path.read_text().split())) == []
