"""The one family of exceptions: each says the value, the rule that it breaks, and the remedy."""

import difflib
from collections.abc import Iterable

_LONGEST = 2000
"""Characters of one part of an error that are shown: a damaged file may hold a huge name."""


class LandscopeError(Exception):
    """Anything that landscope refuses or cannot do.

    Args:
        value: What was given or found, with its name, as in ``"lr = -0.1"``.
        rule: What would have been right, as in ``"a step size is positive"``.
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
    """Words on one line, in which a terminal finds nothing to obey: names in them are anybody's."""
    if len(words) > _LONGEST:
        words = f"{words[:_LONGEST]}..."
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


class UsageError(LandscopeError, ValueError):
    """The caller asked for something that has no meaning; exit code 2 on the command line."""

    exit_code = 2


class CapturedWeightsError(UsageError):
    """A loss holds weights of the model in a place that a measurement does not know."""


class DataError(LandscopeError):
    """A data file is missing, cut, empty, or not what its checksum says."""


class RecordError(LandscopeError):
    """A record is missing, damaged, or was written by a newer landscope."""


class StorageError(LandscopeError):
    """A folder cannot be written: read-only, full, vanished, or somebody else's."""


def unknown_name(kind: str, name: str, names: Iterable[str]) -> UsageError:
    """The error to raise for a name that is not in a table.

    Args:
        kind: What the name is of, as in ``"norm"``.
        name: What was given.
        names: The names in the table; the one that is nearly the same is proposed.
    """
    known = list(names)
    if not known:
        return UsageError(f"{kind} {name!r}", "there is none", "leave it out")
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "choose one of them"
    return UsageError(f"{kind} {name!r}", f"the known ones are {', '.join(known)}", remedy)
