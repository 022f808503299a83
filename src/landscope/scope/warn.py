"""Warnings of a scope, which are printed and never raised, whatever the warning filters say."""

import inspect
import sys
import warnings
from contextlib import suppress


class Complaints:
    """Warnings of one scope, each given once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def once(self, text: str, key: str | None = None) -> None:
        """Warn, unless this warning was already given.

        Args:
            text: The warning.
            key: Identifies the warning if its text differs from step to step.
        """
        if (key or text) not in self._said:
            self._said.add(key or text)
            warn(text)


def warn(text: str) -> None:
    """Warn at the user's own line, or write to standard error if warnings raise (``-W error``).

    Args:
        text: The warning.
    """
    line = f"landscope: {text}"
    try:
        warnings.warn(line, stacklevel=_depth_of_the_loop())
    except Exception:
        # A filter or a replaced showwarning raised: our warnings must not end a training.
        with suppress(Exception):
            sys.stderr.write(f"{line}\n")


def _depth_of_the_loop() -> int:
    """How far up the stack the user's own line is, counted from the caller."""
    found = depth = 1
    frame = inspect.currentframe()
    while frame := frame.f_back if frame else None:
        if frame.f_globals.get("__name__", "").startswith("landscope.scope."):
            found = depth + 1
        depth += 1
    return found
