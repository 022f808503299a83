"""Errors of the command line in the form of every other error: value, rule and remedy."""

from difflib import get_close_matches
from typing import Literal, get_args, get_origin

from cyclopts import App, CycloptsError
from cyclopts.exceptions import (
    CoercionError,
    ConsumeMultipleError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from landscope.errors import UsageError

_EMPTY = "''"  # as it would be typed


def refusal(error: CycloptsError, app: App) -> UsageError:
    """The error in the arguments, on one line.

    Args:
        error: As cyclopts raised it.
        app: The program, which knows its commands.
    """
    command = " ".join(("landscope", *(error.command_chain or ())))
    see = f"see `{command} --help`"
    match error:
        case UnknownCommandError():
            return _unknown_command((error.unused_tokens or [""])[0], app, see)
        case UnknownOptionError():
            given = error.token.keyword or error.token.value
            there = [name for argument in error.argument_collection for name in argument.names]
            close = get_close_matches(given, there, n=1)
            remedy = f"did you mean {close[0]}?" if close else see
            return UsageError(given, f"`{command}` has no such option", remedy)
        case CoercionError():
            value = (error.token.value if error.token else "") or _EMPTY
            return UsageError(f"{_name(error)} = {value}", _rule(error.target_type), see)
        case ConsumeMultipleError() | MissingArgumentError():
            return UsageError(_name(error), f"`{command}` needs a value for it", see)
        case RepeatArgumentError():
            return UsageError(_name(error), "it is given more than once", "give it once")
        case UnusedCliTokensError():
            unused = " ".join(error.unused_tokens or ())
            return UsageError(unused, f"`{command}` takes no such argument", see)
        case _:
            error.verbose = False
            return UsageError(str(error).rstrip("."), f"`{command}` cannot be read", see)


def _unknown_command(given: str, app: App, see: str) -> UsageError:
    commands = [name for name in app if not name.startswith("-")]
    close = get_close_matches(given, commands, n=1)
    return UsageError(
        given or _EMPTY,
        f"the commands of landscope are {', '.join(commands)}",
        f"did you mean {close[0]}?" if close else see,
    )


def _name(error: CycloptsError) -> str:
    """The option as it was typed, or the name of a value that has none."""
    token = getattr(error, "token", None)
    typed = getattr(error, "keyword", None) or (token.keyword if token else None)
    return typed or (error.argument.name if error.argument else "a value")


def _rule(target: object) -> str:
    if get_origin(target) is Literal:
        return f"it must be one of {', '.join(map(str, get_args(target)))}"
    if target is int:
        return "it must be a whole number"
    return "it must be a number" if target is float else "it has another form"
