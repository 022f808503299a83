"""A damaged record gives its right readings or a clear error, and never a wrong number."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from landscope.errors import RecordError
from landscope.reading import Reading
from landscope.runs import Journal, Outcome, RunFolder, read_run, replay

from .samples import FINISHED, reading, story, write


def seal(content: dict[str, Any] | str) -> bytes:
    """A line with the right checksum, whatever it says."""
    head = (content if isinstance(content, str) else json.dumps(content))[:-1].encode("ascii")
    return b'%b,"crc32":"%08x"}\n' % (head, crc32(head))


def believe(folder: RunFolder) -> str | None:
    """What the records say, or None where they are refused; anything else raised is a bug."""
    run = read_run(folder.path)
    try:
        return repr((run.all_readings, run.outcome))
    except RecordError as error:
        if str(folder.journal_path) not in error.value:
            raise
        return None


def honest(folder: RunFolder, written: list[Reading]) -> set[str]:
    """Everything that the records may say of what was written without being wrong."""
    write(folder, written)
    said = {repr((tuple(written), FINISHED))}
    for count in range(len(written) + 1):
        some = tuple(written[:count])
        last = some[-1].step if some else None
        said.add(repr((some, Outcome("unfinished", step=last))))
    return said


def test_every_prefix_of_a_journal_gives_a_prefix_of_its_readings(run_folder: RunFolder) -> None:
    said = honest(run_folder, story()[:3])
    whole = run_folder.journal_path.read_bytes()
    counts: list[int] = []
    for size in range(len(whole) + 1):
        run_folder.journal_path.write_bytes(whole[:size])
        run = read_run(run_folder.path)
        assert repr((run.all_readings, run.outcome)) in said
        assert run.torn == (size > 0 and not whole[:size].endswith(b"\n"))
        assert run_folder.outcome().status == run.outcome.status
        counts.append(len(run.all_readings))
    assert counts == sorted(counts)
    assert counts[-1] == 3


def test_a_changed_byte_never_gives_a_wrong_value(run_folder: RunFolder) -> None:
    said = honest(run_folder, story())
    whole = run_folder.journal_path.read_bytes()
    stream = random.Random(0)
    refused = 0
    for _ in range(1000):
        place = stream.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= stream.randrange(1, 256)
        run_folder.journal_path.write_bytes(changed)
        answer = believe(run_folder)
        refused += answer is None
        assert answer is None or answer in said
        assert answer != repr((tuple(story()), FINISHED))  # the change is always noticed
    assert refused > 700  # only the last line may be left out


@pytest.mark.parametrize("place", [0, 3])
def test_a_damaged_line_before_the_last_is_named(run_folder: RunFolder, place: int) -> None:
    lines = write(run_folder, story()).splitlines(keepends=True)
    lines[place] = lines[place].replace(b'"value":', b'"valve":')
    run_folder.journal_path.write_bytes(b"".join(lines))
    rule = rf"journal\.jsonl, line {place + 1}: its checksum does not match; run it again"
    with pytest.raises(RecordError, match=rule):
        _ = read_run(run_folder.path).all_readings


def test_a_cut_line_before_the_last_is_named(run_folder: RunFolder) -> None:
    lines = write(run_folder, story()).splitlines(keepends=True)
    run_folder.journal_path.write_bytes(lines[0] + lines[1][:40] + b"\n" + b"".join(lines[2:]))
    with pytest.raises(RecordError, match=r"journal\.jsonl, line 2: it is cut or garbled"):
        _ = read_run(run_folder.path).all_readings


def test_a_garbled_last_line_is_left_out_and_reported(run_folder: RunFolder) -> None:
    whole = write(run_folder, story())
    run_folder.journal_path.write_bytes(whole.replace(b"finished", b"finisher"))
    run = read_run(run_folder.path)
    assert run.torn
    assert run.outcome.status == run_folder.outcome().status == "unfinished"
    assert len(run.all_readings) == len(story())


@pytest.mark.parametrize(
    "shuffle",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: lines[:2] + lines[1:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
    ],
    ids=["lost", "doubled", "swapped"],
)
def test_lines_out_of_place_are_found(
    run_folder: RunFolder, shuffle: Callable[[list[bytes]], list[bytes]]
) -> None:
    lines = write(run_folder, story()).splitlines(keepends=True)
    run_folder.journal_path.write_bytes(b"".join(shuffle(lines)))
    with pytest.raises(RecordError, match=r"line \d: it says that it is line \d"):
        _ = read_run(run_folder.path).all_readings


def test_a_line_after_the_finish_is_refused(run_folder: RunFolder) -> None:
    whole = write(run_folder, [])
    finish = json.loads(whole)
    checksum = finish.pop("crc32")
    again = seal({**finish, "line": 2, "after": checksum})
    run_folder.journal_path.write_bytes(whole + again)
    with pytest.raises(RecordError, match=r"line 2: it comes after the finish"):
        _ = read_run(run_folder.path).outcome


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MAX_BYTES", 4000)
    whole = write(run_folder, story())
    run_folder.journal_path.write_bytes(whole + b"0" * 4001)
    with pytest.raises(RecordError, match=r"line 8: it is longer than 4000 bytes"):
        _ = read_run(run_folder.path).all_readings


BODY = {
    "step": 0,
    "probe": "training",
    "quantity": "train_loss",
    "value": 0.5,
    "unit": "1",
    "layer": None,
    "axis": None,
    "status": "ok",
    "function": "",
    "seconds": 0.0,
}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ({"format": 3, "line": 1, "anything": 0}, "its format is 3, .* up to 2; install a newer"),
        ({"format": "1", "line": 1, "reading": BODY}, "it has no format version"),
        ({"format": 0, "line": 1, "reading": BODY}, "it has no format version"),
        ({"line": 1, "reading": BODY}, "it has no format version"),
        ({"format": 1, "line": True, "reading": BODY}, "it says that it is line True"),
        ({"format": 1, "reading": BODY}, "it says that it is line None"),
        ({"format": 1, "line": 1}, "it is neither a reading nor a finish"),
        ({"format": 1, "line": 1, "after": "00000000", "reading": BODY}, "it is neither"),
        ({"format": 2, "line": 1, "reading": BODY}, "it is the first line of another run's"),
        ({"format": 2, "line": 1, "after": 0, "reading": BODY}, "it is the first line of another"),
        ({"format": 1, "line": 1, "reading": BODY, "finish": {}}, "it is neither"),
        ("[1}", "it is not a JSON object"),
        ('{"format":1,"line":1,"reading":NaN}', "it is not a JSON object"),
        ('{"format":1,"line":1,"reading":' + "[" * 100_000 + "}", "it is not a JSON object"),
        ({"format": 1, "line": 1, "reading": []}, "a reading is not an object"),
        ({"format": 1, "line": 1, "finish": {"status": "finished"}}, "lacks a field .*: seconds"),
        (
            {"format": 1, "line": 1, "finish": {"status": "done", "step": 1, "seconds": 0.0}},
            "is finished or diverged",
        ),
    ],
)
def test_a_whole_line_of_the_wrong_shape_is_refused(
    run_folder: RunFolder, line: dict[str, Any] | str, rule: str
) -> None:
    run_folder.journal_path.write_bytes(seal(line))
    with pytest.raises(RecordError, match=rf"journal\.jsonl, line 1: .*{rule}"):
        _ = read_run(run_folder.path).all_readings


AXIS = {"name": "eta", "unit": "1", "values": [0.5]}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"extra": 1}, "a reading lacks a field or has one too many: extra"),
        ({"step": 1.5}, "its field 'step' is not a whole number"),
        ({"step": "NaN"}, "its field 'step' is not a whole number"),
        ({"probe": None}, "its field 'probe' is not a text"),
        ({"value": "nan"}, "its field 'value' is not a number"),
        ({"value": "1.5"}, "its field 'value' is not a number"),
        ({"value": 1}, "its field 'value' is not a number"),
        ({"value": [0.5, None]}, "its field 'value' is not a number"),
        ({"value": {}}, "its field 'value' is not a number"),
        ({"layer": 1.0}, "its field 'layer' is not a text"),
        ({"status": ["ok"]}, "its status is not one of ok"),
        ({"axis": 1}, "an axis is not an object"),
        ({"axis": {"name": "eta"}}, "an axis lacks a field or has one too many: unit, values"),
        ({"axis": {**AXIS, "values": 1}}, "its field 'axis values' is not a list of numbers"),
        ({"axis": AXIS}, "one number has no axis"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(
    run_folder: RunFolder, fields: dict[str, Any], rule: str
) -> None:
    line = seal({"format": 1, "line": 1, "reading": {**BODY, **fields}})
    run_folder.journal_path.write_bytes(line)
    with pytest.raises(RecordError, match=rf"journal\.jsonl, line 1: {rule}"):
        _ = read_run(run_folder.path).all_readings


def test_an_overflowing_number_is_not_taken_for_infinity(run_folder: RunFolder) -> None:
    line = json.dumps({"format": 1, "line": 1, "reading": BODY}).replace("0.5", "1e999")
    run_folder.journal_path.write_bytes(seal(line))
    with pytest.raises(RecordError, match=r"line 1: its field 'value' is not a number"):
        _ = read_run(run_folder.path).all_readings


def test_a_finish_line_of_the_wrong_shape_is_named_from_the_end_too(run_folder: RunFolder) -> None:
    line = seal({"format": 1, "line": 1, "finish": {}})
    run_folder.journal_path.write_bytes(line)
    with pytest.raises(RecordError, match=r"journal\.jsonl, the last line: an outcome lacks"):
        run_folder.outcome()


def test_a_long_last_reading_is_not_taken_for_an_end(run_folder: RunFolder) -> None:
    write(run_folder, [reading(0, (0.1,) * 5000)], None)
    assert run_folder.outcome() == Outcome("unfinished")
    assert read_run(run_folder.path).outcome == Outcome("unfinished", step=0)


ENDLESS_WRITER = """
import sys
from landscope.reading import Reading
from landscope.runs import Journal, RunFolder
with Journal.create(RunFolder(sys.argv[1])) as journal:
    step = 0
    while True:
        journal.write(Reading(step, "training", "train_loss", step / 7, layer="x" * (step % 999)))
        step += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_killed_writer_leaves_right_readings_and_no_lock(run_folder: RunFolder) -> None:
    writer = subprocess.Popen([sys.executable, "-c", ENDLESS_WRITER, str(run_folder.path)])
    try:
        wait_for_size(run_folder.journal_path, 300_000)
    finally:
        writer.kill()
        writer.wait()
    run = read_run(run_folder.path)
    assert run.outcome.status == "unfinished"
    assert len(run.all_readings) > 100
    for step, one in enumerate(run.all_readings):
        assert (one.step, one.value, one.layer) == (step, step / 7, "x" * (step % 999))
    with Journal.create(run_folder) as again:
        again.finish(FINISHED)


def wait_for_size(path: Path, size: int, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < deadline, "the writer wrote nothing"
        time.sleep(0.01)
