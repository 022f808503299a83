"""The refusal of a name that is not in a table: what there is, and what was perhaps meant."""

import difflib
from collections.abc import Iterable

from landscope.errors import UsageError


def unknown(kind: str, name: str, names: Iterable[str]) -> UsageError:
    """The error to raise for a name that is not there.

    Args:
        kind: What the name is of, as in ``"norm"``.
        name: What was given.
        names: What there is.
    """
    known = list(names)
    if not known:
        return UsageError(f"{kind} {name!r}", "there is none", "leave it out")
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "choose one of them"
    return UsageError(f"{kind} {name!r}", f"the known ones are {', '.join(known)}", remedy)
