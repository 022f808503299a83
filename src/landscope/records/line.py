"""The line: one JSON object with a format version, its own number and its own checksum.

    {"format":1,"line":7,"reading":{...},"crc32":"0a1b2c3d"}

The checksum is the CRC-32 of the exact bytes before ``,"crc32"``, so it covers the format and the
number too, and it finds every change of up to four bytes in a row. The number tells a lost or
doubled line. Every future format ends its lines in the same way, so that an old reader can tell
a damaged line from a newer one.
"""

import json
import re
from typing import Literal, NoReturn, cast
from zlib import crc32

FORMAT = 1
MAX_BYTES = 16 * 2**20
"""The longest line that is written or read: no damaged file makes a reader fill the memory."""

LineKind = Literal["reading", "finish"]

_TAIL = re.compile(rb',"crc32":"([0-9a-f]{8})"\}\n')
_TAIL_BYTES = len(b',"crc32":"01234567"}\n')


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads and json.dumps would make new ones for each line.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class DamagedLine(ValueError):  # noqa: N818 (what is raised is the line's state)
    """The line is cut, or its bytes are not those that were written."""


class NewerLine(ValueError):  # noqa: N818
    """The line is whole, and was written by a newer landscope."""


class MisplacedLine(ValueError):  # noqa: N818
    """The line is whole, and is not one that belongs here."""


def encode(number: int, kind: LineKind, body: dict[str, object]) -> bytes:
    """The line's bytes, newline included.

    Args:
        number: Its place in the journal, counted from 1.
        kind: What the body is.
        body: Plain JSON values, with no float that is not finite.
    """
    given = {"format": FORMAT, "line": number, kind: body}
    head = _ENCODER.encode(given)[:-1].encode("ascii")
    return b'%b,"crc32":"%08x"}\n' % (head, crc32(head))


def decode(line: bytes, number: int | None = None) -> tuple[LineKind, object]:
    """What kind of line this is, and its body, still to be validated.

    Args:
        line: The bytes, newline included.
        number: Its place in the journal, counted from 1; None where that is not known.

    Raises:
        DamagedLine: It is cut or its checksum is wrong.
        NewerLine: Its format is newer than this landscope.
        MisplacedLine: Its checksum is right, but it is no line of a journal or not this one.
    """
    tail = _TAIL.fullmatch(line, max(0, len(line) - _TAIL_BYTES))
    if tail is None:
        raise DamagedLine("it is cut or garbled")
    if crc32(memoryview(line)[: tail.start()]) != int(tail[1], 16):
        raise DamagedLine("its checksum does not match")
    try:
        parsed: object = _DECODER.decode(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise MisplacedLine("it is not a JSON object") from None
    if not isinstance(parsed, dict):
        raise MisplacedLine("it is not a JSON object")
    return _open_envelope(cast(dict[str, object], parsed), number)


def _open_envelope(given: dict[str, object], number: int | None) -> tuple[LineKind, object]:
    written = given.get("format")
    if type(written) is not int or written < 1:
        raise MisplacedLine("it has no format version")
    if written > FORMAT:
        raise NewerLine(f"its format is {written}, and this landscope reads up to {FORMAT}")
    if type(given.get("line")) is not int or number not in (None, given["line"]):
        raise MisplacedLine(f"it says that it is line {given.get('line')!r}")
    kinds = given.keys() - {"format", "line", "crc32"}
    if kinds == {"reading"}:
        return "reading", given["reading"]
    if kinds == {"finish"}:
        return "finish", given["finish"]
    raise MisplacedLine("it is neither a reading nor a finish")
