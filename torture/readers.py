"""The readers that are fuzzed, each as a property of any bytes whatever.

A reader refuses with a ``RecordError`` that names the file, or accepts; and what it accepts says
the same when it is written again and read again. Anything else is a finding. The first byte of an
input chooses whether the rest is taken as it is or is given the right checksums first: without
these a fuzzer would never come past them.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from zlib import crc32

from landscope.errors import RecordError
from landscope.reading import Reading
from landscope.runs import Outcome
from landscope.runs.body import outcome_to_json, reading_to_json
from landscope.runs.line import Mark, checksum_of, encode
from landscope.runs.manifest import RunManifest, read_manifest, write_manifest
from landscope.runs.replay import check_start, replay, replay_outcome

AS_IT_IS, SEALED = b"r", b"s"
"""The first byte of an input."""


class WrongError(AssertionError):
    """A reader accepted what does not mean one thing."""


Property = Callable[[Path, bytes], None]
"""Writes an input to a path and reads it there; raises where the reader is wrong."""


def journal(path: Path, given: bytes) -> None:
    """The journal: all its readers agree, and what is accepted comes back from being written."""
    path.write_bytes(_sealed_lines(given[1:]) if given[:1] == SEALED else given[1:])
    try:
        found = replay(path)
    except RecordError as error:
        _check_named(error, path)
        _refused_or_none(path)
        return
    end = replay_outcome(path)
    _check(end.ended == found.outcome.ended, f"{found.outcome}, and from its end {end}")
    _check(not end.ended or end == found.outcome, f"{found.outcome}, and from its end {end}")
    lines = _lines(found.readings, found.outcome)
    again = path.with_name("again")
    again.write_bytes(b"".join(lines))
    written = replay(again)
    same = repr((written.readings, written.outcome)) == repr((found.readings, found.outcome))
    _check(same, "it is another journal when written again")
    if not found.outcome.ended:
        check_start(again, Mark(0, 0, 0), _end_of(lines))


def manifest(path: Path, given: bytes) -> None:
    """The manifest of a run: what is accepted comes back from being written."""
    path.write_bytes(_sealed_object(given[1:]) if given[:1] == SEALED else given[1:])
    try:
        found = read_manifest(path, RunManifest)
    except RecordError as error:
        _check_named(error, path)
        return
    again = path.with_name("again")
    write_manifest(again, found)
    told = read_manifest(again, RunManifest)
    _check(repr(told) == repr(found), "it is another manifest when written again")


READERS: Mapping[str, Property] = {"journal": journal, "manifest": manifest}


def seeds(name: str, whole: bytes) -> list[bytes]:
    """Inputs to begin with, from a whole file: as it is, and without its checksums."""
    if name == "journal":
        bare = [line[: line.rindex(b',"crc32"')] + b"}" for line in whole.splitlines()]
        return [AS_IT_IS + whole, SEALED + b"\n".join(bare), *(SEALED + line for line in bare)]
    content = {key: value for key, value in json.loads(whole).items() if key != "crc32"}
    return [AS_IT_IS + whole, SEALED + json.dumps(content).encode("ascii")]


def _sealed_lines(given: bytes) -> bytes:
    """Lines with the checksums that they need, of themselves and of the line before."""
    sealed: list[bytes] = []
    after = 0
    for line in given.split(b"\n"):
        head = line[:-1] if line.endswith(b"}") else line
        place = head.find(b'"after":"')
        if place >= 0:
            place += len(b'"after":"')
            head = head[:place] + b"%08x" % after + head[place + 8 :]
        after = crc32(head)
        sealed.append(b'%b,"crc32":"%08x"}\n' % (head, after))
    return b"".join(sealed)


def _sealed_object(given: bytes) -> bytes:
    """A JSON object with the checksum of its content, where it has any."""
    try:
        content = json.loads(given)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        return given
    if not isinstance(content, dict):
        return given
    place = given.rindex(b"}")
    comma = b"," if content else b""
    return given[:place] + b'%b"crc32":"%08x"}' % (comma, crc32(canonical.encode("ascii")))


def _lines(readings: tuple[Reading, ...], outcome: Outcome) -> list[bytes]:
    lines: list[bytes] = []
    after = 0
    for number, reading in enumerate(readings, 1):
        lines.append(encode(number, "reading", reading_to_json(reading), after))
        after = checksum_of(lines[-1])
    if outcome.ended:
        lines.append(encode(len(lines) + 1, "finish", outcome_to_json(outcome), after))
    return lines


def _end_of(lines: list[bytes]) -> Mark:
    mark = Mark(0, 0, 0)
    for line in lines:
        mark = mark.after(line)
    return mark


def _refused_or_none(path: Path) -> None:
    """The reader of the end alone may take a journal whose middle is wrong, and no more."""
    try:
        replay_outcome(path)
        check_start(path, Mark(0, 0, 0), Mark(1, path.stat().st_size, 0))
    except RecordError as error:
        _check_named(error, path)


def _check_named(error: RecordError, path: Path) -> None:
    _check(str(path) in error.value, f"the error does not name the file: {error}")


def _check(right: bool, otherwise: str) -> None:
    if not right:
        raise WrongError(otherwise)
