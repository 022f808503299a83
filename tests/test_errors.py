"""Errors are one line in which a terminal finds nothing to obey, whatever was named in them."""

import pickle

import pytest

from landscope.errors import LandscopeError, RecordError


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("größe/層 'x'", "größe/層 'x'"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("a\nlandscope: all is well", "a\\nlandscope: all is well"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x9b2J", "\\x9b2J"),
        ("half \udc80", "half \\udc80"),
    ],
)
def test_an_error_is_one_harmless_line(name: str, told: str) -> None:
    error = LandscopeError(name, f"rule of {name}", f"mend {name}")
    assert str(error) == f"{told}: rule of {told}; mend {told}"
    assert error.value == name


def test_a_long_name_is_cut() -> None:
    assert len(str(LandscopeError("x" * 10**6, "rule", "remedy"))) < 2100


def test_an_error_goes_through_a_pipe_as_it_is() -> None:
    error = RecordError("a\nb", "rule", "remedy")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    assert (type(again), again.args, str(again)) == (RecordError, error.args, str(error))
