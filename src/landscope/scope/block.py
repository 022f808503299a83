"""The block: ``with scope.step(inputs, targets):``, one object for all batches of a training."""

from types import TracebackType
from typing import Any

from landscope.scope.watch import Watch


class Block:
    """Tells a watch where the training on a batch begins and ends.

    Args:
        watch: Who is told.

    Attributes:
        batch: Inputs and targets of the coming block; let go of once it has begun.
    """

    def __init__(self, watch: Watch) -> None:
        self.batch: tuple[Any, Any] = (None, None)
        self._watch = watch

    def __enter__(self) -> None:
        inputs, targets = self.batch
        self.batch = (None, None)
        self._watch.enter(inputs, targets)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watch.leave(failed=kind is not None)
