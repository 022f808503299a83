"""The line: one JSON object with a format version, its own number and its own checksum.

    {"format":2,"line":7,"after":"9f8e7d6c","reading":{...},"crc32":"0a1b2c3d"}

The checksum is the CRC-32 of the exact bytes before ``,"crc32"``, so it covers the format and the
number too, and it finds every change of up to four bytes in a row. The number shows a lost or
repeated line. ``after`` is the checksum of the line before, and in the first line that of its run:
it shows a line of another journal with a fitting number. Every future format ends its lines in the
same way, so that an old reader can distinguish a damaged line from a newer one.

Format 1 had no ``after``. A journal may begin in it and go on in format 2.
"""

import json
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn, cast
from zlib import crc32

FORMAT = 2
MAX_BYTES = 2**20
"""The longest line that is written or read: no damaged file makes a reader fill the memory.

Parsed, JSON takes up to 35 times its size.
"""

LineKind = Literal["reading", "finish"]

_TAIL = re.compile(rb',"crc32":"([0-9a-f]{8})"\}\n')
TAIL_BYTES = len(b',"crc32":"01234567"}\n')
"""At the end of each line, from which alone its checksum can be read."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads and json.dumps would make new ones for each line.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Mark:
    """A place between two lines of a journal.

    Args:
        lines: Lines before it.
        size: Their bytes.
        checksum: Of the last of them, or of the run where there is none.
    """

    lines: int
    size: int
    checksum: int

    def after(self, line: bytes) -> "Mark":
        """The place behind one more line.

        Raises:
            DamagedLine: It has no checksum.
        """
        return Mark(self.lines + 1, self.size + len(line), checksum_of(line))


class DamagedLine(ValueError):  # noqa: N818 (what is raised is the line's state)
    """The line is cut, or its bytes are not those that were written."""


class NewerLine(ValueError):  # noqa: N818
    """The line is whole, and was written by a newer landscope."""


class MisplacedLine(ValueError):  # noqa: N818
    """The line is whole, but does not belong here."""


class Line(NamedTuple):
    """A line that is whole, and in its place as far as that is known.

    Args:
        kind: What the body is.
        body: JSON values, still to be validated.
        format: Version of the line's layout.
        checksum: Its own.
    """

    kind: LineKind
    body: object
    format: int
    checksum: int


def encode(number: int, kind: LineKind, body: dict[str, object], after: int | None = None) -> bytes:
    """The line's bytes, newline included.

    Args:
        number: Its place in the journal, counted from 1.
        kind: What the body is.
        body: Plain JSON values, with no float that is not finite.
        after: Checksum of the line before, or of the run; None for a line of format 1.
    """
    given: dict[str, object] = {"format": 1, "line": number}
    if after is not None:
        given = {"format": FORMAT, "line": number, "after": f"{after:08x}"}
    head = _ENCODER.encode({**given, kind: body})[:-1].encode("ascii")
    return b'%b,"crc32":"%08x"}\n' % (head, crc32(head))


def checksum_of(line: bytes) -> int:
    """The checksum that a line carries; its end is enough.

    Raises:
        DamagedLine: It has none.
    """
    tail = _TAIL.fullmatch(line, max(0, len(line) - TAIL_BYTES))
    if tail is None:
        raise DamagedLine("it is cut or garbled")
    return int(tail[1], 16)


def decode(line: bytes, number: int | None = None, after: int | None = None) -> Line:
    """What a line holds, its body still to be validated.

    Args:
        line: The bytes, newline included.
        number: Its place in the journal, counted from 1; None where that is not known.
        after: Checksum of the line before, or of the run; None where that is not known.

    Raises:
        DamagedLine: It is cut or its checksum is wrong.
        NewerLine: Its format is newer than this landscope.
        MisplacedLine: Its checksum is right, but it is no line of a journal or not this one.
    """
    checksum = checksum_of(line)
    if crc32(memoryview(line)[:-TAIL_BYTES]) != checksum:
        raise DamagedLine("its checksum does not match")
    try:
        parsed: object = _DECODER.decode(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise MisplacedLine("it is not a JSON object") from None
    if not isinstance(parsed, dict):
        raise MisplacedLine("it is not a JSON object")
    given = cast(dict[str, object], parsed)
    written = _check_place(given, number, after)
    envelope = {"format", "line", "crc32"} if written == 1 else {"format", "line", "after", "crc32"}
    kinds = given.keys() - envelope
    if kinds == {"reading"}:
        return Line("reading", given["reading"], written, checksum)
    if kinds == {"finish"}:
        return Line("finish", given["finish"], written, checksum)
    raise MisplacedLine("it is neither a reading nor a finish")


def _check_place(given: dict[str, object], number: int | None, after: int | None) -> int:
    """Refuses a line that is in the wrong place; returns its format."""
    written = given.get("format")
    if type(written) is not int or written < 1:
        raise MisplacedLine("it has no format version")
    if written > FORMAT:
        raise NewerLine(f"its format is {written}, and this landscope reads up to {FORMAT}")
    if type(given.get("line")) is not int or number not in (None, given["line"]):
        raise MisplacedLine(f"it says that it is line {given.get('line')!r}")
    if written > 1 and not _follows(given.get("after"), after):
        first = given["line"] == 1
        raise MisplacedLine(
            "it is the first line of another run's journal"
            if first
            else "it was not written after the line before it"
        )
    return written


def _follows(says: object, after: int | None) -> bool:
    if after is None:  # the line before is not known
        return isinstance(says, str)
    return says == f"{after:08x}"
