"""A journal that is gone on with: cut back to a mark, or to a step of a training."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from landscope.errors import RecordError
from landscope.runs import Journal, Outcome, RunFolder, read_run
from landscope.runs.line import Mark

from .samples import reading, write


def mark_after(folder: RunFolder, lines: int) -> Mark:
    mark = Mark(0, 0, folder.checksum)
    for line in folder.journal_path.read_bytes().splitlines(keepends=True)[:lines]:
        mark = mark.after(line)
    return mark


def steps(folder: RunFolder) -> list[int]:
    return [each.step for each in read_run(folder.path).all_readings]


def test_it_is_cut_back_to_a_mark_and_goes_on_from_there(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as journal:
        journal.write(reading(0))
        mark = journal.mark()
        journal.write(reading(1))
    assert mark == mark_after(run_folder, 1)
    assert mark.size == run_folder.journal_path.read_bytes().index(b"\n") + 1
    with Journal.create(run_folder, at=mark) as journal:
        assert journal.mark() == mark
        journal.write(reading(7))
        journal.finish(Outcome("finished", 8, 1.0))
    assert steps(run_folder) == [0, 7]
    assert read_run(run_folder.path).outcome.status == "finished"


def test_gone_on_with_it_has_the_bytes_of_one_that_was_not_stopped(run_folder: RunFolder) -> None:
    whole = write(run_folder, [reading(0), reading(1), reading(2)], None)
    with Journal.create(run_folder, at=mark_after(run_folder, 1)) as journal:
        journal.write(reading(1))
        journal.write(reading(2))
    assert run_folder.journal_path.read_bytes() == whole


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "changed": (lambda b: b.replace(b"train_loss", b"train_lost", 1), "line 1: its checksum does"),
    "cut": (lambda b: b[:50], "line 1: it is cut or garbled"),
    "empty": (lambda b: b[:0], "line 1: it is cut or garbled"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_stands_before_the_mark_must_be_whole(run_folder: RunFolder, damage: str) -> None:
    change, rule = DAMAGE[damage]
    whole = write(run_folder, [reading(0), reading(1)], None)
    mark = mark_after(run_folder, 2)
    run_folder.journal_path.write_bytes(change(whole))
    with pytest.raises(RecordError, match=rule):
        Journal.create(run_folder, at=mark)


def test_a_mark_between_two_lines_only(run_folder: RunFolder) -> None:
    whole = write(run_folder, [reading(0), reading(1)], None)
    mark = replace(mark_after(run_folder, 2), size=7)
    with pytest.raises(RecordError, match=r"they have \d+ bytes and .* the checkpoint says 7 and "):
        Journal.create(run_folder, at=mark)
    assert run_folder.journal_path.read_bytes() == whole


def test_a_mark_of_another_attempt_is_refused(run_folder: RunFolder) -> None:
    """Its journal has as many lines and bytes, and other readings."""
    write(run_folder, [reading(0), reading(1)], None)
    mark = mark_after(run_folder, 2)
    other = write(run_folder, [reading(0), reading(2)], None)
    assert mark_after(run_folder, 2).size == mark.size
    with pytest.raises(RecordError, match=r"journal\.jsonl, its first 2 lines: .* the checksum"):
        Journal.create(run_folder, at=mark)
    assert run_folder.journal_path.read_bytes() == other


def test_it_goes_on_at_a_step_and_keeps_what_it_cuts_off(run_folder: RunFolder) -> None:
    """Even closed for good: a training is gone on with that was thought to have ended."""
    whole = write(run_folder, [reading(0), reading(4), reading(8)])
    with Journal.go_on(run_folder, 5) as journal:
        journal.write(reading(5))
    assert steps(run_folder) == [0, 4, 5]
    assert run_folder.unfinished_journal_path.read_bytes() == whole


def test_a_torn_last_line_is_cut_off(run_folder: RunFolder) -> None:
    whole = write(run_folder, [reading(0), reading(4)], None)
    run_folder.journal_path.write_bytes(whole[:-5])
    with Journal.go_on(run_folder, 9) as journal:
        journal.write(reading(9))
    assert steps(run_folder) == [0, 9]


def test_a_damaged_line_before_is_named(run_folder: RunFolder) -> None:
    whole = write(run_folder, [reading(0), reading(4)], None)
    run_folder.journal_path.write_bytes(whole.replace(b"train_loss", b"train_lost", 1))
    with pytest.raises(RecordError, match="line 1: its checksum does not match"):
        Journal.go_on(run_folder, 9)
    with Journal.create(run_folder):  # and the lock was let go
        pass
