"""Strict JSON has one meaning for a text, and one text for a content."""

import pytest

from landscope.runs.manifest import canonical, parse


@pytest.mark.parametrize("text", [b'{"a": [1, 2.5, null]}', b"3", b'"gr\\u00f6\\u00dfe"', b"{}"])
def test_json_is_parsed(text: bytes) -> None:
    assert canonical(parse(text)) == text.replace(b" ", b"")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b'{"a": 1, "a": 1}', "a name stands there twice"),
        (b'{"b": [{"a": 1, "c": 2, "a": 3}]}', "a name stands there twice"),
        (b"NaN", "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"[" * 100_000, "it is too deep"),
        (b"{", "Expecting property name"),
        (b"\xff", "invalid start byte"),
    ],
)
def test_what_has_no_one_meaning_is_refused(text: bytes, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parse(text)


def test_the_canonical_text_knows_no_order() -> None:
    assert canonical(parse(b'{"b": 1,\n "a": 2}')) == canonical({"a": 2, "b": 1})


def test_a_number_too_large_for_a_float_has_no_canonical_text() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        canonical(parse(b"1e999"))


def test_what_is_too_deep_has_no_canonical_text() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="it is too deep"):
        canonical(deep)
    while deep:  # undone by hand: the interpreter would go as deep to free it
        deep = deep.pop()  # type: ignore[assignment]
