"""What cyclopts refuses, told as every other error."""

from pathlib import Path

import pytest
from cyclopts import CycloptsError
from cyclopts.exceptions import CoercionError

from landscope.cli import app
from landscope.errors import UsageError
from landscope.terminal.refusal import refusal


def refused(*arguments: str) -> UsageError:
    with pytest.raises(CycloptsError) as caught:
        app(list(arguments), exit_on_error=False, print_error=False)
    return refusal(caught.value, app)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [([""], "''"), (["reproduce", "--seed", ""], "--seed = ''"), (["-xy"], "-xy")],
)
def test_an_odd_value_can_be_seen(arguments: list[str], value: str) -> None:
    assert refused(*arguments).value == value


def test_an_error_of_another_kind_keeps_its_own_text() -> None:
    error = CycloptsError(msg="Something else.", command_chain=("show",))
    assert str(refusal(error, app)) == (
        "Something else: `landscope show` cannot be read; see `landscope show --help`"
    )


def test_a_value_of_another_kind_has_another_form() -> None:
    error = CoercionError(target_type=Path, command_chain=("show",))
    assert str(refusal(error, app)) == (
        "a value = '': it has another form; see `landscope show --help`"
    )


def test_a_refusal_does_not_depend_on_the_width_of_the_terminal() -> None:
    assert "\n" not in str(refused("reproduce", "x" * 500))
