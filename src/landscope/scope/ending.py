"""How a training ends: kept apart from its scope, for the finaliser that runs when that is gone."""

import os
import sys
from typing import Any

from landscope.runs.outcome import Failure, failure_of
from landscope.scope.destinations import Destinations
from landscope.scope.unseen import Unseen

_NO_ERRORS = (StopIteration, StopAsyncIteration, GeneratorExit)
"""By these a loop or a generator ends as it should."""


class Ending:
    """Knows whether the training was broken off, and tells the destinations when it ends.

    Only the words of an error are kept: the error itself holds on to the whole training.

    Args:
        to: Where the readings go.
        unseen: Watches for blocks without an update.
        step: Number of the first update.

    Attributes:
        step: Number of the coming update.
        updated: Whether there was any update.
    """

    def __init__(self, to: Destinations, unseen: Unseen, step: int) -> None:
        self.step = step
        self.updated = False
        self._to = to
        self._unseen = unseen
        self._failure: Failure | None = None
        self._closed = False
        self._process = os.getpid()
        # What was under way, or had gone by, before this training is none of its errors.
        self._known = {id(sys.exception()), id(_uncaught())}

    def goes_on(self) -> None:
        """A block begins: whatever happened in one before, the training has got over it."""
        self._failure = None

    def failed(self, error: BaseException | None) -> None:
        """The training was left by an error, in a block or outside; by none where it is None."""
        if error is None or isinstance(error, _NO_ERRORS) or id(error) in self._known:
            return
        self._failure = failure_of(error, self.step)

    def close(self, error: BaseException | None) -> None:
        """The user ends the measuring.

        Args:
            error: What is under way at that moment.
        """
        if not self._closed and not (isinstance(error, SystemExit) and not error.code):
            self.failed(error)
        self._closed = True

    def end(self) -> None:
        """Nothing more comes: the scope was closed, is gone, or Python ends."""
        if os.getpid() != self._process:
            return  # forked: the training is that of the other process
        if not self._closed and self._failure is None:
            self.failed(_uncaught())
        self._unseen.end()
        self._to.close(self.step - 1 if self.updated else None, self._failure)


def _uncaught() -> BaseException | None:
    """The error by which the program ends. In a session at a prompt, none ends it."""
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return None
    found: Any = getattr(sys, "last_value", None)
    return found if isinstance(found, BaseException) else None
