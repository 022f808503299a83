"""Faults that are planted in the readers: each turns a row red."""

import json
from pathlib import Path
from unittest.mock import patch

from landscope.runs import line, manifest, replay, weights
from torture import readers


def unchecked_line(given: bytes, number: int | None = None, after: int | None = None) -> line.Line:
    """A line of a journal, believed without its checksum."""
    try:
        parsed = json.loads(given)
        line._check_place(parsed, number, None)
        kind = "finish" if "finish" in parsed else "reading"
        return line.Line(kind, parsed[kind], parsed["format"], after or 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise line.DamagedLine("it is cut or garbled") from None


class Anything(str):
    """A checksum that fits any content."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def lines_unchecked():
    return patch.object(replay, "decode", unchecked_line)


def manifests_unchecked():
    return patch.object(manifest, "_checksum", lambda _content: Anything())


def weights_unchecked():
    return patch.object(weights, "_check", lambda *_: None)


def journal(path: Path, given: bytes) -> None:
    """The property of journals over a reader that takes two members of a name, and infinities."""
    with lines_unchecked():
        readers.journal(path, given)
