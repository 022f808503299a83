"""The journal gives back exactly what was written, and refuses what it could not give back."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landscope.errors import RecordError, StorageError, UsageError
from landscope.reading import Axis
from landscope.runs import Journal, Outcome, RunFolder, journal, read_run

from .samples import FINISHED, build, make_run, malformed, reading, reading_fields, story, write


@settings(max_examples=60, deadline=None)
@given(fields=st.lists(reading_fields(), max_size=5))
def test_any_readings_come_back_exactly(fields: list[dict[str, Any]]) -> None:
    given = [build(one) for one in fields]
    with tempfile.TemporaryDirectory() as directory:
        folder = make_run(RunFolder(Path(directory) / "run"))
        write(folder, given)
        run = read_run(folder.path)
        assert repr(run.all_readings) == repr(tuple(given))  # repr: exact, and NaN equals NaN
        assert run.outcome == FINISHED
        assert not run.torn


def test_lines_are_ascii_json_without_bare_nonfinite_numbers(run_folder: RunFolder) -> None:
    lines = write(run_folder, story()).decode("ascii").splitlines()

    def refuse(name: str) -> None:
        raise AssertionError(name)

    parsed = [json.loads(line, parse_constant=refuse) for line in lines]
    assert [line["line"] for line in parsed] == list(range(1, len(story()) + 2))
    assert {line["format"] for line in parsed} == {2}
    assert parsed[3]["reading"]["value"] == "NaN"
    assert parsed[4]["reading"]["value"] == ["Infinity", "-Infinity", -0.0]
    assert parsed[-1]["finish"] == {"status": "finished", "step": 3, "seconds": 1.5}


def test_numpy_and_whole_numbers_are_written_as_floats(run_folder: RunFolder) -> None:
    write(run_folder, [malformed(value=np.float32(0.1)), malformed(value=(3, np.int64(4)))])
    first, second = read_run(run_folder.path).all_readings
    assert first.value == float(np.float32(0.1))
    assert second.value == (3.0, 4.0)
    assert isinstance(second.value, tuple)
    assert {type(number) for number in second.value} == {float}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"value": True}, "True is not a number"),
        ({"value": "0.5"}, "'0.5' is not a number"),
        ({"value": None}, "None is not a number"),
        ({"value": 10**400}, "an integer is too large for a float"),
        ({"value": (1.0, "x")}, "'x' is not a number"),
        ({"seconds": None}, "None is not a number"),
        ({"step": -1}, "its field 'step' is not a whole number of at least 0"),
        ({"step": 1.0}, "its field 'step' is not a whole number of at least 0"),
        ({"step": True}, "its field 'step' is not a whole number of at least 0"),
        ({"layer": 3}, "its field 'layer' is not a text"),
        ({"probe": "\ud800"}, "its field 'probe' is not valid Unicode"),
        (
            {"status": "fine"},
            "its status is not one of ok, fallback, nonfinite, unconverged, unresolved, skipped",
        ),
        ({"axis": Axis("eta", "1", ())}, "one number has no axis"),
        (
            {"value": (1.0,), "axis": Axis("eta", "1", (1.0, 2.0, 3.0))},
            "its axis has 3 coordinates for 1 values, and as many or one more are right",
        ),
    ],
)
def test_a_malformed_reading_is_refused_and_nothing_is_written(
    run_folder: RunFolder, fields: dict[str, object], rule: str
) -> None:
    with Journal.create(run_folder) as open_journal:
        open_journal.write(reading(0))
        with pytest.raises(UsageError, match=rf"it cannot be recorded: .*{rule}"):
            open_journal.write(malformed(**fields))
        open_journal.write(reading(1))
        open_journal.finish(FINISHED)
    assert [one.step for one in read_run(run_folder.path).all_readings] == [0, 1]


@pytest.mark.parametrize(
    ("outcome", "rule"),
    [
        (Outcome("unfinished", 3, 1.0), "the status of a run that has ended"),
        (Outcome("finished", None, 1.0), "its field 'step' is not a whole number"),
        (Outcome("diverged", 3, None), "None is not a number"),
        (
            Outcome("diverged", 3, math.nan),
            "its field 'seconds' is not a finite number of at least 0",
        ),
        (Outcome("diverged", 3, -1.0), "its field 'seconds' is not a finite number of at least 0"),
    ],
)
def test_an_outcome_that_is_no_end_is_refused(
    run_folder: RunFolder, outcome: Outcome, rule: str
) -> None:
    with Journal.create(run_folder) as open_journal, pytest.raises(UsageError, match=rule):
        open_journal.finish(outcome)
    assert run_folder.outcome() == Outcome("unfinished")


def test_a_diverged_run_is_a_result(run_folder: RunFolder) -> None:
    diverged = Outcome("diverged", step=17, seconds=0.1)
    write(run_folder, [reading(17, math.inf)], diverged)
    assert run_folder.outcome() == read_run(run_folder.path).outcome == diverged
    assert diverged.ended


def test_a_line_longer_than_the_reader_takes_is_not_written(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_BYTES", 1000)
    with Journal.create(run_folder) as open_journal:
        with pytest.raises(UsageError, match=r"a line of the journal has at most 1000 bytes"):
            open_journal.write(reading(0, (0.123456789,) * 200))
        open_journal.write(reading(0))
    assert len(read_run(run_folder.path).all_readings) == 1


def test_nothing_is_added_after_the_end(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as open_journal:
        open_journal.finish(FINISHED)
        with pytest.raises(UsageError, match=r"nothing can be added to this journal: it is closed"):
            open_journal.write(reading(4))
        with pytest.raises(UsageError, match=r"nothing can be added to this journal: it is closed"):
            open_journal.finish(FINISHED)


@pytest.mark.parametrize("status", ["finished", "diverged"])
def test_an_ended_run_is_never_overwritten(run_folder: RunFolder, status: str) -> None:
    written = write(run_folder, story(), Outcome(status, 3, 1.0))  # type: ignore[arg-type]
    with pytest.raises(RecordError, match=r"journal\.jsonl: the run has ended .* not overwritten"):
        Journal.create(run_folder)
    assert run_folder.journal_path.read_bytes() == written
    assert not run_folder.unfinished_journal_path.exists()


def test_an_unfinished_run_starts_again_and_its_readings_are_moved_aside(
    run_folder: RunFolder,
) -> None:
    first = write(run_folder, story(), None)
    assert read_run(run_folder.path).outcome == Outcome("unfinished", step=3)
    write(run_folder, [reading(0, 7.0)])
    assert [one.value for one in read_run(run_folder.path).all_readings] == [7.0]
    assert run_folder.unfinished_journal_path.read_bytes() == first


def test_where_no_new_journal_can_be_opened_the_old_one_is_put_back(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(run_folder, story(), None)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "open", refuse, raising=False)
        with pytest.raises(StorageError, match=r"No space left on device"):
            Journal.create(run_folder)
    assert run_folder.journal_path.read_bytes() == first
    write(run_folder, [])  # the lock was let go


def test_each_line_can_be_read_as_soon_as_it_is_written(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as open_journal:
        for step in range(3):
            open_journal.write(reading(step))
            assert len(read_run(run_folder.path).all_readings) == step + 1


def test_the_file_is_synced_at_a_bounded_interval_and_around_the_finish(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    clock = [100.0]
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: clock[0])
        open_journal = Journal.create(run_folder)
        patch.setattr(os, "fsync", lambda _: synced.append(run_folder.journal_path.stat().st_size))
        open_journal.write(reading(0))
        assert synced == []
        clock[0] += journal.SYNC_SECONDS
        open_journal.write(reading(1))
        assert len(synced) == 1
        open_journal.write(reading(2))
        assert len(synced) == 1
        before_finish = run_folder.journal_path.stat().st_size
        open_journal.finish(FINISHED)
    assert synced[1:] == [before_finish, run_folder.journal_path.stat().st_size]


def test_a_second_writer_is_refused_until_the_first_is_done(run_folder: RunFolder) -> None:
    refused = pytest.raises(
        StorageError, match=r"its journal is being written by another .*; wait until"
    )
    with Journal.create(run_folder) as first:
        first.write(reading(0))
        with refused:
            Journal.create(run_folder)
        first.write(reading(1))
    with Journal.create(run_folder) as second:
        second.finish(FINISHED)


SECOND_WRITER = """
import sys
from landscope.errors import StorageError
from landscope.runs import Journal, RunFolder
try:
    Journal.create(RunFolder(sys.argv[1]))
except StorageError as error:
    print(error)
"""


def test_a_second_process_is_refused(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as first:
        first.write(reading(0))
        told = subprocess.run(
            [sys.executable, "-c", SECOND_WRITER, str(run_folder.path)],
            capture_output=True,
            text=True,
            check=True,
        )
        first.finish(FINISHED)
    assert "its journal is being written by another" in told.stdout
    assert len(read_run(run_folder.path).all_readings) == 1
