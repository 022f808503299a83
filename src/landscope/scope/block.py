"""The block: ``with scope.step(inputs, targets):``, one object for all batches of a training."""

from types import TracebackType
from typing import Any

from landscope.scope.ending import Ending
from landscope.scope.watch import Watch


class Block:
    """Tells a watch where the training on a batch begins and ends.

    Args:
        watch: Who is told.
        ending: Is told of a block that the training left by an error.

    Attributes:
        batch: Inputs and targets of the coming block; let go of once it has begun.
    """

    def __init__(self, watch: Watch, ending: Ending) -> None:
        self.batch: tuple[Any, Any] = (None, None)
        self._watch = watch
        self._ending = ending

    def __enter__(self) -> None:
        inputs, targets = self.batch
        self.batch = (None, None)
        self._ending.goes_on()
        self._watch.enter(inputs, targets)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._ending.failed(error)
        try:
            self._watch.leave(failed=kind is not None)
        except BaseException as stop:  # Ctrl-C while a measurement ran
            self._ending.failed(stop)
            raise
