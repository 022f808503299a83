"""Replays a journal: its readings in the order in which they were written."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from landscope.errors import RecordError
from landscope.reading import Reading
from landscope.runs.body import ShapeError, outcome_from_json, reading_from_json
from landscope.runs.disk import reading_file
from landscope.runs.line import (
    MAX_BYTES,
    TAIL_BYTES,
    DamagedLine,
    Line,
    Mark,
    MisplacedLine,
    NewerLine,
    checksum_of,
    decode,
)
from landscope.runs.outcome import UNFINISHED, Outcome

_END_BYTES = 2**20  # longer than any reading of a usual probe
MAX_FINISH_BYTES = 4096
"""The longest finish line, which has three short fields: it is looked for in the file's end."""
_CHUNK = 2**16

_AGAIN = "run it again, or restore the file from a copy"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a journal holds.

    Args:
        readings: In the order of writing.
        outcome: Unfinished where the journal has no finish line.
        torn: Whether the last line was cut or garbled, as after a crash, and left out.
    """

    readings: tuple[Reading, ...]
    outcome: Outcome
    torn: bool


EMPTY = Replay((), UNFINISHED, torn=False)


def replay(path: Path, first: int | None = None) -> Replay:
    """Reads a whole journal and checks every byte.

    Args:
        path: The journal.
        first: Checksum of its run, which the first line names; None where that is not known.

    Raises:
        RecordError: The file cannot be read; or a line other than the last is damaged, or any is
            out of place, too long, of the wrong shape, or newer than this landscope.
    """
    readings: list[Reading] = []
    outcome: Outcome | None = None
    with reading_file(path) as file:
        lines = _Lines(path, first)
        while line := file.readline(MAX_BYTES + 1):
            if not line.endswith(b"\n") and len(line) <= MAX_BYTES:
                # The end of the file came first.
                return _replay(readings, outcome, torn=True)
            try:
                entry = lines.take(line)
            except DamagedLine as error:
                if not file.read(1):
                    return _replay(readings, outcome, torn=True)
                raise lines.refusal(str(error)) from error
            if outcome is not None:
                raise lines.refusal("it comes after the finish")
            if isinstance(entry, Outcome):
                outcome = entry
            else:
                readings.append(entry)
    return _replay(readings, outcome, torn=False)


def replay_outcome(path: Path, first: int | None = None) -> Outcome:
    """Only the outcome, from the end of a journal; the lines before it are not read.

    Args:
        path: The journal.
        first: Checksum of its run, as for ``replay``.

    Raises:
        RecordError: The file cannot be read, or its finish line is wrong in itself.
    """
    with reading_file(path) as file:
        end = file.seek(0, os.SEEK_END)
        for _ in range(2):  # the last line, and the one before where that is cut or garbled
            try:
                entry = _last_entry(path, file, end, first)
            except DamagedLine:  # or nothing is there, or the end of a long reading
                end = _start_of_line(file, end)
            else:
                return entry if isinstance(entry, Outcome) else UNFINISHED
    return UNFINISHED


def _last_entry(path: Path, file: BinaryIO, end: int, first: int | None) -> Reading | Outcome:
    """What the line holds that ends at a place, if it is short enough for a finish."""
    begin = max(0, end - MAX_FINISH_BYTES - TAIL_BYTES)
    file.seek(begin)
    content = file.read(end - begin)
    start = content[:-1].rfind(b"\n") + 1
    after = first if begin + start == 0 else None
    if start:
        with suppress(DamagedLine):  # a damaged line before it is for the replay to tell
            after = checksum_of(content[:start])
    return _entry_near_end(path, content[start:], after)


def _entry_near_end(path: Path, line: bytes, after: int | None) -> Reading | Outcome:
    """What a line holds whose number is not known, and the checksum before it perhaps."""
    try:
        found = decode(line, after=after)
    except (MisplacedLine, NewerLine) as error:
        raise _bad_line(path, None, error) from error
    return _entry(path, None, found, len(line))


def last_step(path: Path) -> int | None:
    """The step of the last complete reading, from the end of a journal; None if there is none.

    Raises:
        RecordError: The file cannot be read.
    """
    with reading_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        lines = file.read(_END_BYTES).splitlines(keepends=True)
    for line in reversed(lines):  # the last may be half written
        with suppress(DamagedLine):
            return _entry_near_end(path, line, None).step
    return None


def _start_of_line(file: BinaryIO, end: int) -> int:
    """Where the line starts that ends at a place; 0 where it is too long for a line."""
    last = end - 1  # its own newline, if it has one
    for first in range(last - _CHUNK, last - MAX_BYTES - _CHUNK, -_CHUNK):
        file.seek(max(0, first))
        newline = file.read(min(_CHUNK, max(0, first + _CHUNK))).rfind(b"\n")
        if newline >= 0:
            return max(0, first) + newline + 1
        if first <= 0:
            break
    return 0


def check_start(path: Path, begin: Mark, end: Mark) -> None:
    """Refuses a journal that is not complete up to a mark, or is not the marked one.

    Args:
        path: The journal.
        begin: Its begin, with its run's checksum.
        end: The mark.

    Raises:
        RecordError: A line is damaged, or the file cannot be read.
    """
    taken, mark = _Lines(path, begin.checksum), begin
    with reading_file(path) as file:
        while mark.lines < end.lines:
            line = file.readline(MAX_BYTES + 1)
            try:
                entry = taken.take(line)
            except DamagedLine as error:
                raise taken.refusal(str(error)) from error
            if isinstance(entry, Outcome):
                raise taken.refusal("it is the finish of a run that continues")
            mark = mark.after(line)
    if mark != end:
        raise RecordError(
            f"{path}, its first {end.lines} lines",
            f"they have {mark.size} bytes and the checksum {mark.checksum:08x}, and the "
            f"checkpoint says {end.size} and {end.checksum:08x}",
            _AGAIN,
        )


def end_before(path: Path, begin: Mark, step: int) -> Mark:
    """Where a journal ends before its first reading of a step or later, or before its finish.

    Args:
        path: The journal.
        begin: Its begin, with its run's checksum.
        step: The step.

    Raises:
        RecordError: The file cannot be read, or a line before that is damaged.
    """
    taken, mark = _Lines(path, begin.checksum), begin
    with reading_file(path) as file:
        while line := file.readline(MAX_BYTES + 1):
            try:
                entry = taken.take(line)
            except DamagedLine as error:
                if not file.read(1):  # the last one, cut by a crash
                    break
                raise taken.refusal(str(error)) from error
            if isinstance(entry, Outcome) or entry.step >= step:
                break
            mark = mark.after(line)
    return mark


class _Lines:
    """The lines of a journal from its first, each held to the one before it."""

    def __init__(self, path: Path, first: int | None) -> None:
        self._path = path
        self._number = 0
        self._format = 1
        self._checksum = first

    def take(self, line: bytes) -> Reading | Outcome:
        """What the next line holds.

        Raises:
            DamagedLine: Its bytes are not those that were written.
            RecordError: It is whole and wrong.
        """
        self._number += 1
        if len(line) > MAX_BYTES:
            raise self.refusal(f"it is longer than {MAX_BYTES} bytes")
        try:
            found = decode(line, self._number, self._checksum)
        except (MisplacedLine, NewerLine) as error:
            raise _bad_line(self._path, self._number, error) from error
        if found.format < self._format:
            raise self.refusal("its format is older than that of the line before it")
        self._format, self._checksum = found.format, found.checksum
        return _entry(self._path, self._number, found, len(line))

    def refusal(self, rule: str) -> RecordError:
        """The error that names the line that was taken last."""
        return _refusal(self._path, self._number, rule)


def _replay(readings: list[Reading], outcome: Outcome | None, *, torn: bool) -> Replay:
    if outcome is None:
        last = max((reading.step for reading in readings), default=None)
        outcome = Outcome("unfinished", step=last)
    return Replay(tuple(readings), outcome, torn)


def _entry(path: Path, number: int | None, line: Line, size: int) -> Reading | Outcome:
    try:
        if line.kind == "reading":
            return reading_from_json(line.body)
        if size > MAX_FINISH_BYTES:
            raise _refusal(path, number, f"it is a finish of more than {MAX_FINISH_BYTES} bytes")
        return outcome_from_json(line.body)
    except ShapeError as error:
        raise _bad_line(path, number, error) from error


def _bad_line(path: Path, number: int | None, error: ValueError) -> RecordError:
    remedy = "install a newer landscope" if isinstance(error, NewerLine) else _AGAIN
    return _refusal(path, number, str(error), remedy)


def _refusal(path: Path, number: int | None, rule: str, remedy: str = _AGAIN) -> RecordError:
    where = "the last line" if number is None else f"line {number}"
    return RecordError(f"{path}, {where}", rule, remedy)
