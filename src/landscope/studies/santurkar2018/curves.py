"""The curves of a training: loss and accuracy by step, on its batches and on the test set."""

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from landscope.data.dataset import Dataset
from landscope.reading import Provenance, Reading, Status
from landscope.studies.santurkar2018.losses import Loss, accuracy

_PROBE = "training"
_BATCH = Provenance(mode="training", batch="the step's batch")
_TEST_SET = Provenance(mode="evaluation", batch="the test set")

# Large enough to fill a GPU, small enough for the activations of VGG-16 in a few GiB.
_CHUNK = 1000


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
        self._points: list[tuple[int, Tensor]] = []

    def state_dict(self) -> list[tuple[int, Tensor]]:
        """The points that are held: a checkpoint must not change when they are written."""
        return list(self._points)

    def load_state_dict(self, state: list[tuple[int, Tensor]]) -> None:
        """Hold these points."""
        self._points = list(state)

    def follow(self, step: int, numbers: Sequence[Tensor], *, settle: bool) -> int | None:
        """Take a step's point where one is due; the step at which the loss stopped being finite.

        Args:
            step: The step.
            numbers: Its losses and, where there is one, its accuracy, as ``descend`` gives them.
            settle: Write what is held at once, so that the answer is about every point so far.

        Returns:
            None while the loss is finite, or as long as the points are held.
        """
        if step % self._every == 0 or settle:
            self._points.append((step, torch.stack(list(numbers))))
        # The first point is settled too: a loss that is not finite at the start is no divergence.
        if settle or step == 0 or len(self._points) >= self._HELD:
            return self.settle()
        return None

    def settle(self) -> int | None:
        """Write the points that are held; the first step whose loss was not finite, or None."""
        if not self._points:
            return None
        held = torch.stack([numbers for _, numbers in self._points]).tolist()
        steps = [step for step, _ in self._points]
        self._points.clear()
        for step, (loss, data_loss, *accuracies) in zip(steps, held, strict=True):
            self._loss(step, "train_loss", loss, replace(_BATCH, loss="with penalty"))
            self._loss(step, "train_data_loss", data_loss, replace(_BATCH, loss="without penalty"))
            for value in accuracies:
                self._accuracy(step, "train_accuracy", value, _BATCH, loss=data_loss)
            if not math.isfinite(loss):
                return step
        return None

    def test(self, step: int, loss: Tensor, accuracy: Tensor) -> None:
        """Write the loss and the accuracy on the test set before a step."""
        without_penalty = replace(_TEST_SET, loss="without penalty")
        value = loss.item()
        self._loss(step, "test_loss", value, without_penalty)
        self._accuracy(step, "test_accuracy", accuracy.item(), _TEST_SET, loss=value)

    def _loss(self, step: int, quantity: str, value: float, function: Provenance) -> None:
        status = _status(value)
        self._write(
            Reading(step, _PROBE, quantity, value, "loss", status=status, function=function)
        )

    def _accuracy(
        self, step: int, quantity: str, value: float, function: Provenance, *, loss: float
    ) -> None:
        # Scores that are not numbers have a highest one too, and so an accuracy that means nothing.
        status = _status(loss)
        self._write(Reading(step, _PROBE, quantity, value, "1", status=status, function=function))


def _status(loss: float) -> Status:
    return Status.OK if math.isfinite(loss) else Status.NONFINITE


def evaluate(model: nn.Module, dataset: Dataset, loss: Loss) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy of a classifier on the whole test set, scalars on the device."""
    totals: list[Tensor] = []
    with evaluation_mode(model), torch.no_grad():
        for start in range(0, len(dataset.test_inputs), _CHUNK):
            inputs = dataset.inputs(dataset.test_inputs[start : start + _CHUNK])
            targets = dataset.test_targets[start : start + _CHUNK]
            outputs = model(inputs)
            share = len(targets) / len(dataset.test_inputs)
            totals.append(
                share * torch.stack([loss.function(outputs, targets), accuracy(outputs, targets)])
            )
    mean_loss, mean_accuracy = torch.stack(totals).sum(0)
    return mean_loss, mean_accuracy


@contextmanager
def evaluation_mode(model: nn.Module) -> Generator[None]:
    """Inside, every module evaluates; afterwards each is in the mode that it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
