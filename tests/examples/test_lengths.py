"""An example is read in a minute, and the table of examples lists each."""

import ast
import re

import pytest
from tests.examples.running import EXAMPLES

FILES = sorted(EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_has_15_to_40_lines(file):
    """Neither blank ones nor those of the docstring at its head are counted."""
    source = file.read_text("utf-8")
    head = ast.parse(source).body[0]
    assert isinstance(head, ast.Expr)
    lines = enumerate(source.splitlines(), start=1)
    counted = [line for at, line in lines if line.strip() and at > head.end_lineno]

    assert 15 <= len(counted) <= 40


def test_every_example_has_a_row_that_links_to_it():
    page = (EXAMPLES / "README.md").read_text("utf-8")

    rows = re.findall(r"^\| \[(\w+\.py)\]\(\1\) \|", page, re.MULTILINE)
    assert sorted(rows) == [file.name for file in FILES]
