"""Strict JSON: text with one meaning, and one text for one content, to take a checksum of.

The standard library also takes what is no JSON, as NaN, and of two members of one name the last.
A damaged file can have both a name's right value and another one, so that is refused here.
"""

import json
from typing import Any, NoReturn


def parse(text: bytes) -> object:
    """The content of a text.

    Raises:
        ValueError: It is no JSON, an object has two members of one name, or it is too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is too deep") from None


def canonical(content: object) -> bytes:
    """The one text for a content that was parsed, whatever the order and the blanks were.

    Raises:
        ValueError: A number in it is too large for a float, or it is too deep.
    """
    try:
        text = json.dumps(content, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ValueError("it is too deep") from None
    return text.encode("ascii")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name stands there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
