"""A line is held to the line before it: one of another journal is found, though it fits."""

from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from landscope.errors import RecordError
from landscope.reading import Reading
from landscope.runs import Journal, Outcome, RunFolder, StudyFolder, read_run, replay
from landscope.runs.body import outcome_to_json, reading_to_json
from landscope.runs.line import Mark, checksum_of, encode
from landscope.runs.replay import MAX_FINISH_BYTES, check_start

from .samples import FINISHED, make_run, reading, write

RUN = crc32(b'{"config":{"lr":0.1,"norm":"batch"},"id":"vgg-batch-lr0.1-seed0"}')
"""The checksum of the run of ``run_folder``, by hand: its first line follows that."""


def chained(readings: list[Reading], outcome: Outcome = FINISHED, first: int = RUN) -> list[bytes]:
    """The lines of a journal, each with the checksum of the one before."""
    bodies = [("reading", reading_to_json(one)) for one in readings]
    lines: list[bytes] = []
    after = first
    for number, (kind, body) in enumerate([*bodies, ("finish", outcome_to_json(outcome))], 1):
        lines.append(encode(number, kind, body, after))
        after = checksum_of(lines[-1])
    return lines


def end_of(lines: list[bytes]) -> Mark:
    return Mark(len(lines), sum(map(len, lines)), checksum_of(lines[-1]))


BEGIN = Mark(0, 0, RUN)
MINE = chained([reading(step, 0.5) for step in range(4)])
OTHER = chained([reading(step, 0.25) for step in range(4)], Outcome("diverged", 2, 1.0))


def put(folder: RunFolder, lines: list[bytes]) -> None:
    folder.journal_path.write_bytes(b"".join(lines))


def test_chained_lines_come_back(run_folder: RunFolder) -> None:
    put(run_folder, MINE)
    run = read_run(run_folder.path)
    assert [one.value for one in run.all_readings] == [0.5] * 4
    assert run.outcome == run_folder.outcome() == FINISHED


@pytest.mark.parametrize("place", [1, 2, 3])
def test_the_end_of_another_journal_is_refused(run_folder: RunFolder, place: int) -> None:
    put(run_folder, [*MINE[:place], *OTHER[place:]])
    rule = rf"journal\.jsonl, line {place + 1}: it was not written after the line before it"
    with pytest.raises(RecordError, match=rule):
        _ = read_run(run_folder.path).all_readings
    with pytest.raises(RecordError, match=rule):
        check_start(run_folder.journal_path, BEGIN, end_of(MINE[:4]))


@pytest.mark.parametrize(
    ("run_id", "config"),
    [
        ("vgg-none-lr0.1-seed0", {"norm": "batch", "lr": 0.1}),
        ("vgg-batch-lr0.1-seed0", {"norm": "batch", "lr": 0.1, "steps": 9}),
    ],
    ids=["of another id", "of the same id and another configuration"],
)
def test_the_whole_journal_of_another_run_is_refused(
    run_folder: RunFolder, tmp_path: Path, run_id: str, config: dict[str, Any]
) -> None:
    other = make_run(StudyFolder(tmp_path / "other").run(run_id), **config)
    swapped = write(other, [reading(step) for step in range(3)])
    run_folder.journal_path.write_bytes(swapped)
    rule = r"journal\.jsonl, line 1: it is the first line of another run's journal"
    with pytest.raises(RecordError, match=rule):
        _ = read_run(run_folder.path).all_readings
    with pytest.raises(RecordError, match=rule):
        Journal.go_on(run_folder, 2)
    assert run_folder.journal_path.read_bytes() == swapped
    assert len(read_run(other.path).all_readings) == 3


def test_one_line_of_another_journal_is_refused(run_folder: RunFolder) -> None:
    put(run_folder, [*MINE[:2], OTHER[2], *MINE[3:]])
    with pytest.raises(RecordError, match=r"line 3: it was not written after"):
        _ = read_run(run_folder.path).all_readings


def test_the_finish_of_another_journal_is_refused_from_the_end_too(run_folder: RunFolder) -> None:
    put(run_folder, [*MINE[:4], OTHER[4]])
    with pytest.raises(RecordError, match=r"the last line: it was not written after the line"):
        run_folder.outcome()


def test_a_finish_alone_follows_nothing(run_folder: RunFolder) -> None:
    put(run_folder, chained([]))
    assert run_folder.outcome() == FINISHED
    put(run_folder, MINE[4:])
    with pytest.raises(RecordError, match=r"the last line: it was not written after the line"):
        run_folder.outcome()


def test_a_finish_after_a_damaged_line_is_for_the_replay_to_refuse(run_folder: RunFolder) -> None:
    put(run_folder, [*MINE[:3], MINE[3][:-3] + b"\n", MINE[4]])
    assert run_folder.outcome() == FINISHED
    with pytest.raises(RecordError, match=r"line 4: it is cut or garbled"):
        _ = read_run(run_folder.path).all_readings


def test_a_journal_of_format_1_goes_on_in_format_2(run_folder: RunFolder) -> None:
    old = [encode(number, "reading", reading_to_json(reading())) for number in (1, 2)]
    new = encode(3, "reading", reading_to_json(reading(1)), checksum_of(old[1]))
    put(run_folder, [*old, new])
    assert [one.step for one in read_run(run_folder.path).all_readings] == [0, 0, 1]


def test_a_line_of_format_1_does_not_come_after_one_of_format_2(run_folder: RunFolder) -> None:
    old = encode(2, "reading", reading_to_json(reading()))
    put(run_folder, [MINE[0], old])
    with pytest.raises(RecordError, match=r"line 2: its format is older than that of the line"):
        _ = read_run(run_folder.path).all_readings


def test_the_start_of_a_journal_tells_what_comes_after_it(run_folder: RunFolder) -> None:
    put(run_folder, MINE)
    check_start(run_folder.journal_path, BEGIN, end_of(MINE[:3]))
    check_start(run_folder.journal_path, BEGIN, BEGIN)
    with pytest.raises(RecordError, match=r"its first 0 lines"):
        check_start(run_folder.journal_path, BEGIN, Mark(0, 0, 1))


def test_a_finish_that_is_too_long_is_refused_by_both_readers(run_folder: RunFolder) -> None:
    (line,) = chained([], FINISHED)
    head = line[: line.rindex(b',"crc32"')].replace(
        b":{", b":" + b" " * (MAX_FINISH_BYTES + 4 - len(line)) + b"{"
    )
    put(run_folder, [b'%b,"crc32":"%08x"}\n' % (head, crc32(head))])
    with pytest.raises(RecordError, match=r"the last line: it is a finish of more than 4096"):
        run_folder.outcome()
    with pytest.raises(RecordError, match=r"line 1: it is a finish of more than 4096"):
        _ = read_run(run_folder.path).outcome


@pytest.mark.parametrize("size", [1, 21, 4000, 4117, 2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16])
@pytest.mark.parametrize("filler", [b"\0", b"\r", b"x"])
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("lines", [MINE, MINE[:3], []])
def test_both_readers_say_the_same_of_a_journal_with_a_garbled_end(
    run_folder: RunFolder, size: int, filler: bytes, end: bytes, lines: list[bytes]
) -> None:
    put(run_folder, [*lines, filler * size + end])
    assert run_folder.outcome().status == read_run(run_folder.path).outcome.status
    assert run_folder.outcome().ended == (lines == MINE)


def test_what_is_too_long_for_a_line_hides_the_finish(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MAX_BYTES", 2**16)
    put(run_folder, [*MINE, b"x" * 2**18])
    assert not run_folder.outcome().ended
    with pytest.raises(RecordError, match=r"line 6: it is longer than 65536 bytes"):
        _ = read_run(run_folder.path).outcome
