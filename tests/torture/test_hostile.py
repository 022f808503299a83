"""Hostile folders in short, and that each bar would turn red if something were wrong."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import landscope
from torture import hostile
from torture.hostile.bars import bars
from torture.hostile.forbidden import forbidden_in
from torture.hostile.planted import FAULTS
from torture.hostile.table import chosen

needs_browser = pytest.mark.skipif(
    shutil.which("chromedriver") is None, reason="needs chromium and chromedriver on the PATH"
)
linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")


@linux
@pytest.mark.slow
def test_hostile_folders_are_refused_or_shown_harmlessly() -> None:
    found = hostile.run(short=True)
    assert len(found["rows"]) > 40
    assert [bar for bar in found["bars"] if not bar["met"]] == []
    honest = {row["door"]: row["ended"] for row in found["rows"] if row["case"] == "honest"}
    assert honest["show"] == honest["report"] == honest["weights"] == honest["idx"] == "shown"
    assert {row["ended"] for row in found["rows"]} == {"shown", "refused"}


@pytest.fixture(scope="module")
def planted() -> dict[str, dict[str, Any]]:
    return {row["door"]: row for row in hostile.rows_of("torture.hostile.planted")}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("bar", FAULTS)
def test_a_planted_fault_turns_its_bar_red(planted: dict[str, dict[str, Any]], bar: str) -> None:
    (held,) = (each for each in bars([planted[bar]], 0) if each["bar"] == bar)
    assert not held["met"], planted[bar]


def test_a_script_in_the_page_turns_its_bar_red() -> None:
    row = {"ended": "shown", "above": 0, "seconds": 0.0}
    row |= {name: [] for name in ("code", "leaks", "outside", "control", "formulas")}
    assert [bar["bar"] for bar in bars([row], 1) if not bar["met"]] == ["scripts run in the page"]
    assert all(bar["met"] for bar in bars([row], None))


def test_every_kind_of_case_is_there() -> None:
    cases = chosen(short=False)
    assert len({case.name for case in cases}) > 500
    named = " ".join(case.name for case in cases)
    for kind in ("pickle", "zip bomb", "sparse", "FIFO", "device", "/etc/passwd", "script", "bidi"):
        assert kind in named


@needs_browser
@pytest.mark.slow
@pytest.mark.browser
def test_no_script_of_a_name_runs_in_the_page() -> None:
    from torture.hostile.page import try_page

    pages = try_page(short=True)
    assert pages is not None
    assert [page["scripts"] for page in pages] == [[]]
    assert [page["log"] for page in pages] == [[]]
    assert all(page["drawn"] for page in pages)


@needs_browser
@pytest.mark.slow
@pytest.mark.browser
def test_a_page_that_runs_a_name_is_noticed(tmp_path: Path) -> None:
    from torture.hostile.marks import CANARY
    from torture.hostile.page import look, open_browser

    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><body onload='window.{CANARY}=1;alert(1)'>", "utf-8")
    browser = open_browser(tmp_path)
    try:
        assert look(browser, page)["scripts"] == ["a dialog", "a script"]
    finally:
        browser.quit()


def test_the_source_runs_nothing_that_it_reads() -> None:
    assert forbidden_in(Path(landscope.__file__).parent) == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import pickle", "pickle"),
        ("def f():\n    from marshal import loads", "marshal"),
        ("import shelve as s", "shelve"),
        ("import torch\ntorch.load('x', weights_only=True)", "torch.load"),
        ("from torch import load", "torch.load"),
        ("eval('1')", "eval"),
        ("exec(text)", "exec"),
        ("import yaml\nyaml.load(text)", "yaml.load"),
        ("import subprocess\nsubprocess.run('x', shell=True)", "shell=True"),
        ("import numpy as np\nnp.memmap('x', allow_pickle=flag)", "allow_pickle=flag"),
        ("from importlib import import_module\nimport_module('pickle')", "import of 'pickle'"),
        ("spec.loader.exec_module(module)", "exec_module"),
    ],
)
def test_what_would_run_something_is_found(tmp_path: Path, code: str, what: str) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "reader.py").write_text(code, "utf-8")
    line = code.count("\n") + 1
    assert forbidden_in(tmp_path) == [f"room/reader.py:{line}: {what}"]


def test_the_one_place_that_runs_the_users_code_is_allowed(tmp_path: Path) -> None:
    own = tmp_path / "studies" / "comparison"
    own.mkdir(parents=True)
    (own / "functions.py").write_text("loader.exec_module(module)", "utf-8")
    (tmp_path / "import_path.py").write_text("loader.exec_module(module)", "utf-8")
    assert forbidden_in(tmp_path) == ["import_path.py:1: exec_module"]
