"""A single run in the terminal: how far it got, its last looks, its findings."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from tests.figures.study_fixture import write_run
from tests.findings.history import measured

from landscope.reading import Reading
from landscope.runs import Journal, RunFolder, RunRecords, read_run
from landscope.terminal.summary import print_run


def printed(run: RunRecords, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_run(console, run)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_is_told_by_its_end_its_last_looks_and_its_findings(tmp_path: Path) -> None:
    readings = [
        *measured("gradient/loss", [3.0, 2.0, 1.0, *[0.5] * 7]),
        *measured("step_size/sharpness_lr", [2.2] * 10),
        *measured("update/relative_update", [0.5] * 10),
    ]
    lines = printed(write_run(tmp_path / "mine", readings)).splitlines()
    assert lines[0] == "mine, finished at step 900, 10 measurements"
    assert lines[2] == "The last 8 measurements"
    assert lines[3].split() == ["step", "loss", "beta", "x", "lr,", "update"]
    assert [line.split() for line in lines[4:12]] == [
        [str(step), "1" if step == 200 else "0.5", "2.2"] for step in range(200, 1000, 100)
    ]
    ids = [line.split()[1] for line in lines if line.startswith(("warning", "info", "serious"))]
    assert ids == ["update-too-large", "beyond-the-edge"]
    told = " ".join(" ".join(lines).split())
    assert "Updates are too large: each changes the weights by 50% of their length" in told
    assert "Lower the learning rate or warm up to it" in told
    rests_on = "update/relative_update: 0.5, 10 measurements from step 0 to 900."
    assert f"{rests_on} Reference: CS231n" in told


def test_a_run_that_still_goes_on_and_one_without_readings_are_shown(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "mine")
    folder.create()
    folder.write_manifest({"format": 1, "id": "mine", "config": {}, "layers": [], "seed": 0})
    assert (
        printed(read_run(folder.path))
        == "mine, unfinished (stopped, and no end was recorded), 0 measurements\n\n"
        "Nothing was measured, so nothing can be said.\n"
    )
    with Journal.create(folder) as journal:
        journal.write(Reading(7, "gradient", "loss", 1.5))
    told = printed(read_run(folder.path))
    assert told.startswith(
        "mine, unfinished at step 7 (stopped, and no end was recorded), 1 measurement\n"
    )
    assert "\n   7   1.5\n" in told


def test_what_a_layer_is_called_is_no_command(tmp_path: Path) -> None:
    layer = "[red]\x1b[2J\n"
    run = write_run(tmp_path / "mine", measured("covariate_shift/shift_cosine", [-0.5] * 4, layer))
    told = printed(run, width=200)
    assert "[red]?[2J?" in told
    assert "\x1b" not in told


@pytest.mark.parametrize("width", [1, 30])
def test_a_narrow_terminal_is_no_trouble(tmp_path: Path, width: int) -> None:
    assert printed(
        write_run(tmp_path / "mine", measured("update/relative_update", [1.0] * 3)), width
    )
