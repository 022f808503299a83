"""The command: what it prints, what it writes, and with what it exits."""

import json
from pathlib import Path

import pytest

from torture import __main__ as command
from torture.bars import Least, Most
from torture.row import Form, Found, NotRunError


def good(form: Form) -> Found:
    assert form.scratch.is_dir()
    return Found([{"file": "a", "tried": 3}], [Most("lost", 0, 0), Least("tried", 3, 3)])


def bad(_: Form) -> Found:
    return Found([{"file": "a", "tried": 3}], [Most("lost", 1, 0)], [{"said": "lost [one]"}])


def empty(_: Form) -> Found:
    return Found([], [])


def absent(_: Form) -> Found:
    raise NotRunError("there is no disk [here]")


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"good": good, "bad": bad, "empty": empty, "absent": absent}
    monkeypatch.setattr(command, "ROWS", table)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["good"], 0),
        (["bad"], 1),
        (["good", "bad"], 1),
        (["bad", "good"], 1),
        (["empty"], 1),  # what has no bar shows nothing
        (["absent"], 1),  # it was asked for by name
        (["typo"], 2),
        ([], 1),
    ],
)
def test_the_exit_code_tells_of_missed_bars(tmp_path: Path, names: list[str], code: int) -> None:
    assert command.main(*names, out=tmp_path) == code


def test_a_row_that_cannot_run_here_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROWS", {"absent": absent, "good": good})
    assert command.main(out=tmp_path) == 0
    assert "absent: not run: there is no disk [here]" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["good.json"]


def test_results_hold_what_was_found_and_with_what(tmp_path: Path) -> None:
    command.main("bad", seed=3, out=tmp_path)
    result = json.loads((tmp_path / "bad.json").read_text("utf-8"))
    assert result["met"] is False
    assert result["bars"] == [
        {"bar": "lost", "value": 1, "limit": 0, "met": False, "rule": "at most 0"}
    ]
    assert result["rows"] == [{"file": "a", "tried": 3}]
    assert result["failures"] == [{"said": "lost [one]"}]
    assert result["form"] == {"short": False, "seed": 3}
    assert {"commit", "processor", "changed since the commit"} <= set(result["provenance"])


def test_the_short_form_leaves_the_results_alone(tmp_path: Path) -> None:
    command.main("good", short=True, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_printed_names_each_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main("good", "bad", out=tmp_path)
    printed = capsys.readouterr().out
    assert "tried: 3, where at least 3 is allowed: met" in printed
    assert "lost: 1, where at most 0 is allowed: missed" in printed
    assert "lost [one]" in printed


@pytest.mark.parametrize("value", [float("nan"), 2.0])
def test_a_least_bar_is_missed_below_it(value: float) -> None:
    assert not Least("kills", value, 3).met
