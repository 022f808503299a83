"""The replay of a journal: its readings in the order in which they were written."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from landscope.errors import RecordError
from landscope.reading import Reading
from landscope.records.body import ShapeError, outcome_from_json, reading_from_json
from landscope.records.disk import reading_file
from landscope.records.line import MAX_BYTES, DamagedLine, MisplacedLine, NewerLine, decode
from landscope.records.outcome import UNFINISHED, Outcome

_TAIL_BYTES = 2**20  # longer than any reading of a usual probe
_FINISH_BYTES = 4096  # a finish line has three short fields

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


def replay(path: Path) -> Replay:
    """Reads a whole journal and believes none of its bytes unchecked.

    Raises:
        RecordError: The file cannot be read; or a line other than the last is damaged, or any is
            out of place, too long, of the wrong shape, or newer than this landscope.
    """
    readings: list[Reading] = []
    outcome: Outcome | None = None
    with reading_file(path) as file:
        number = 0
        while line := file.readline(MAX_BYTES + 1):
            number += 1
            if len(line) > MAX_BYTES:
                raise _bad_line(path, number, f"it is longer than {MAX_BYTES} bytes", _AGAIN)
            if not line.endswith(b"\n"):  # the end of the file came first
                return _replay(readings, outcome, torn=True)
            try:
                entry = _entry(path, number, line)
            except DamagedLine as error:
                if not file.read(1):
                    return _replay(readings, outcome, torn=True)
                raise _bad_line(path, number, str(error), _AGAIN) from error
            if outcome is not None:
                raise _bad_line(path, number, "it comes after the finish", _AGAIN)
            if isinstance(entry, Outcome):
                outcome = entry
            else:
                readings.append(entry)
    return _replay(readings, outcome, torn=False)


def replay_outcome(path: Path) -> Outcome:
    """The outcome alone, from the end of a journal; the lines before it are not looked at.

    Raises:
        RecordError: The file cannot be read, or its finish line is wrong in itself.
    """
    with reading_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _FINISH_BYTES))
        last = file.read(_FINISH_BYTES).splitlines(keepends=True)[-1:]
    try:
        entry = _entry(path, None, last[0]) if last else None
    except DamagedLine:  # torn, or a long reading of which this is the end
        return UNFINISHED
    return entry if isinstance(entry, Outcome) else UNFINISHED


def last_step(path: Path) -> int | None:
    """The step of the last whole reading, told from the end of a journal; None without one.

    Raises:
        RecordError: The file cannot be read.
    """
    with reading_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read(_TAIL_BYTES).splitlines(keepends=True)
    for line in reversed(lines):  # the last may be in the midst of being written
        with suppress(DamagedLine):
            entry = _entry(path, None, line)
            return entry.step
    return None


def check_start(path: Path, lines: int, size: int) -> None:
    """Refuses a journal whose first lines are not whole, or are not of this size together.

    Raises:
        RecordError: As said, or the file cannot be read.
    """
    read = 0
    with reading_file(path) as file:
        for number in range(1, lines + 1):
            line = file.readline(MAX_BYTES + 1)
            try:
                entry = _entry(path, number, line)
            except DamagedLine as error:
                raise _bad_line(path, number, str(error), _AGAIN) from error
            if isinstance(entry, Outcome):
                raise _bad_line(path, number, "it is the finish of a run that goes on", _AGAIN)
            read += len(line)
    if read != size:
        raise RecordError(
            f"{path}, its first {lines} lines",
            f"they have {read} bytes, and the checkpoint says {size}",
            _AGAIN,
        )


def _replay(readings: list[Reading], outcome: Outcome | None, *, torn: bool) -> Replay:
    if outcome is None:
        last = max((reading.step for reading in readings), default=None)
        outcome = Outcome("unfinished", step=last)
    return Replay(tuple(readings), outcome, torn)


def _entry(path: Path, number: int | None, line: bytes) -> Reading | Outcome:
    try:
        kind, body = decode(line, number)
        return reading_from_json(body) if kind == "reading" else outcome_from_json(body)
    except NewerLine as error:
        raise _bad_line(path, number, str(error), "install a newer landscope") from error
    except (MisplacedLine, ShapeError) as error:
        raise _bad_line(path, number, str(error), _AGAIN) from error


def _bad_line(path: Path, number: int | None, rule: str, remedy: str) -> RecordError:
    where = "the last line" if number is None else f"line {number}"
    return RecordError(f"{path}, {where}", rule, remedy)
