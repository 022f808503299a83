"""How a training ends, kept apart from the scope for the finaliser that runs after it is gone."""

import os
import sys
from typing import Any

from landscope.runs.outcome import Failure, failure_of
from landscope.scope.destinations import Destinations
from landscope.scope.unseen import Unseen

_NO_ERRORS = (StopIteration, StopAsyncIteration, GeneratorExit)
"""A loop or a generator ends normally with these."""


class Ending:
    """Knows whether the training was interrupted, and closes the destinations when it ends.

    Only the text of an error is kept: the error itself would keep the whole training alive.

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
        # An exception from before this training is not its error.
        self._known = {id(sys.exception()), id(_uncaught())}

    def goes_on(self) -> None:
        """A block begins, so the training has recovered from any error in an earlier one."""
        self._failure = None

    def failed(self, error: BaseException | None) -> None:
        """Note that an error left the training, in a block or outside; None clears it."""
        if error is None or isinstance(error, _NO_ERRORS) or id(error) in self._known:
            return
        self._failure = failure_of(error, self.step)

    def close(self, error: BaseException | None) -> None:
        """The user ends the measuring.

        Args:
            error: The exception being handled at that moment.
        """
        if not self._closed and not (isinstance(error, SystemExit) and not error.code):
            self.failed(error)
        self._closed = True

    def end(self) -> None:
        """The scope was closed or is gone, or Python ends."""
        if os.getpid() != self._process:
            return  # forked: the training belongs to the parent process
        if not self._closed and self._failure is None:
            self.failed(_uncaught())
        self._unseen.end()
        self._to.close(self.step - 1 if self.updated else None, self._failure)


def _uncaught() -> BaseException | None:
    """The error that ends the program. In an interactive session there is none."""
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return None
    found: Any = getattr(sys, "last_value", None)
    return found if isinstance(found, BaseException) else None
