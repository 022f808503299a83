"""The exceptions of landscope: each says the value, the rule that it breaks, and the remedy."""

import difflib
from collections.abc import Iterable

_LONGEST = 2000
"""Characters shown of each part of an error: a damaged file may hold a huge name."""


class LandscopeError(Exception):
    """Anything that landscope refuses or cannot do.

    Args:
        value: What was given or found, with its name, as in ``"lr = -0.1"``.
        rule: What is allowed, as in ``"a step size is positive"``.
        remedy: What to do about it, as in ``"give --lr a number above 0"``.
    """

    exit_code = 1

    def __init__(self, value: str, rule: str, remedy: str) -> None:
        super().__init__(value, rule, remedy)
        self.value = value
        self.rule = rule
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{printable(self.value)}: {printable(self.rule)}; {printable(self.remedy)}"


def printable(words: str) -> str:
    """Text on one line without control characters: names in it may come from anyone."""
    if len(words) > _LONGEST:
        words = f"{words[:_LONGEST]}..."
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


class UsageError(LandscopeError, ValueError):
    """The caller asked for something invalid; exit code 2 on the command line."""

    exit_code = 2


class CapturedWeightsError(UsageError):
    """A loss holds weights of the model in a place that landscope does not search."""


class DataError(LandscopeError):
    """A data file is missing, truncated, empty, or does not match its checksum."""


class RecordError(LandscopeError):
    """A record is missing, damaged, or was written by a newer landscope."""


class StorageError(LandscopeError):
    """A folder cannot be written: it is read-only, full, missing, or belongs to another user."""


def unknown_name(kind: str, name: str, names: Iterable[str]) -> UsageError:
    """The error to raise for a name that is not in a table.

    Args:
        kind: The kind of thing that the name is for, as in ``"norm"``.
        name: What was given.
        names: The names in the table; the closest one is suggested.
    """
    known = list(names)
    if not known:
        return UsageError(f"{kind} {name!r}", "there is none", "leave it out")
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "choose one of them"
    return UsageError(f"{kind} {name!r}", f"the known ones are {', '.join(known)}", remedy)
