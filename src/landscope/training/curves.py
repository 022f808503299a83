"""The curves of a training: loss and accuracy by step, written as readings of their own."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from landscope.reading import Reading, Status
from landscope.training.step_view import StepView

_PROBE = "training"
_BATCH = "training mode, the step's batch"
_TEST_SET = "evaluation mode, the test set"


class Curves:
    """Follows a training without making it wait for the device at every point.

    Points are kept on the device and written together, at the latest after ``_HELD`` of them.

    Args:
        every: Steps between two points.
        write: Takes each reading, as a journal's ``write`` does.
    """

    _HELD = 50

    def __init__(self, every: int, write: Callable[[Reading], None]) -> None:
        self._every = every
        self._write = write
        self._points: list[tuple[StepView, Tensor]] = []

    def follow(self, view: StepView, *, settle: bool) -> int | None:
        """Take a step's point where one is due; the step at which the loss stopped being finite.

        Args:
            view: The step.
            settle: Write what is held at once, so that the answer is about every point so far.

        Returns:
            None while the loss is finite, or as long as the points are held.
        """
        if view.step % self._every == 0 or settle:
            numbers = [view.loss, view.data_loss]
            numbers += [] if view.accuracy is None else [view.accuracy]
            self._points.append((view, torch.stack(numbers)))
        # The first point is settled too: a loss that is not finite at the start is no divergence.
        if settle or view.step == 0 or len(self._points) >= self._HELD:
            return self.settle()
        return None

    def settle(self) -> int | None:
        """Write the points that are held; the first step whose loss was not finite, or None."""
        if not self._points:
            return None
        held = torch.stack([numbers for _, numbers in self._points]).tolist()
        steps = [view.step for view, _ in self._points]
        self._points.clear()
        for step, (loss, data_loss, *accuracy) in zip(steps, held, strict=True):
            self._point(step, "train_loss", loss, "loss", f"{_BATCH}, loss with penalty")
            self._point(
                step, "train_data_loss", data_loss, "loss", f"{_BATCH}, loss without penalty"
            )
            for value in accuracy:
                self._point(step, "train_accuracy", value, "1", _BATCH)
            if not math.isfinite(loss):
                return step
        return None

    def test(self, step: int, loss: Tensor, accuracy: Tensor) -> None:
        """Write the loss and the accuracy on the test set before a step."""
        without_penalty = f"{_TEST_SET}, loss without penalty"
        self._point(step, "test_loss", loss.item(), "loss", without_penalty)
        self._point(step, "test_accuracy", accuracy.item(), "1", _TEST_SET)

    def _point(self, step: int, quantity: str, value: float, unit: str, function: str) -> None:
        status = Status.OK if math.isfinite(value) else Status.NONFINITE
        self._write(Reading(step, _PROBE, quantity, value, unit, status=status, function=function))
