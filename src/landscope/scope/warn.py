"""Warnings of a scope, which are said and never raised, whatever the filters make of them."""

import inspect
import sys
import warnings
from contextlib import suppress


class Complaints:
    """Warnings of one scope, each of which is said once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def once(self, text: str, key: str | None = None) -> None:
        """Warn of something, unless that has been done.

        Args:
            text: The warning.
            key: What it is about, where the text differs from step to step.
        """
        if (key or text) not in self._said:
            self._said.add(key or text)
            warn(text)


def warn(text: str) -> None:
    """Warn at the user's own line, or write to standard error where warnings raise (``-W error``).

    Args:
        text: The warning.
    """
    line = f"landscope: {text}"
    try:
        warnings.warn(line, stacklevel=_depth_of_the_loop())
    except Exception:
        # By a filter, or by a replaced showwarning: no training ends by a warning of ours.
        with suppress(Exception):
            sys.stderr.write(f"{line}\n")


def _depth_of_the_loop() -> int:
    """How far up the stack the user's own line is, seen from the caller."""
    found = depth = 1
    frame = inspect.currentframe()
    while frame := frame.f_back if frame else None:
        if frame.f_globals.get("__name__", "").startswith("landscope.scope."):
            found = depth + 1
        depth += 1
    return found
