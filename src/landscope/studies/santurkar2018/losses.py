"""The losses that the paper trains on, a step on them, and the curves of a training."""

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from landscope.data.batches import Batch
from landscope.data.dataset import Dataset
from landscope.errors import UsageError
from landscope.objective.objective import l2_penalty as penalty_of
from landscope.objective.parameters import Parameters
from landscope.quantities import TRAINING, Quantity
from landscope.reading import Provenance, Reading, Status


@dataclass(frozen=True)
class Loss:
    """A loss by name.

    Args:
        name: What it is called in records.
        function: ``function(outputs, targets)``, a scalar.
        classifies: Whether outputs are scores of classes, so that there is an accuracy.
    """

    name: str
    function: Callable[[Tensor, Tensor], Tensor]
    classifies: bool


def squared_error(outputs: Float[Tensor, "n d"], targets: Float[Tensor, "n d"]) -> Tensor:
    """``sum_i ||outputs_i - targets_i||^2``: a sum over the samples, not a mean.

    The paper does not say which; its deep linear network's loss starts at 3.5e4 for 1,000 samples
    of dimension 10, which only a sum reaches.
    """
    return (outputs - targets).square().sum()


def accuracy(scores: Float[Tensor, "n classes"], targets: Int64[Tensor, " n"]) -> Tensor:
    """Fraction of samples whose highest score is that of their class, a scalar."""
    return (scores.argmax(1) == targets).float().mean()


LOSSES = {
    "cross-entropy": Loss("cross-entropy", functional.cross_entropy, classifies=True),
    "squared-error": Loss("squared-error", squared_error, classifies=False),
}


def loss_for(family: str) -> Loss:
    """The loss of one of the paper's set-ups.

    Raises:
        UsageError: There is no such set-up.
    """
    names = {"vgg": "cross-entropy", "dln": "squared-error"}
    if family not in names:
        raise UsageError(
            f"family = {family!r}", "a set-up of the paper is 'vgg' or 'dln'", "choose one of them"
        )
    return LOSSES[names[family]]


def descend(
    model: nn.Module, batch: Batch, loss: Loss, optimizer: torch.optim.SGD, l2_penalty: float = 0.0
) -> list[Tensor]:
    """One step of plain gradient descent.

    The penalty is part of the loss, not of the optimiser, so that the gradient and the landscape
    belong to one function. Nothing here waits for the device.

    Args:
        model: The network, in training mode; it is trained in place.
        batch: What it is trained on.
        loss: What is minimised, beside the penalty.
        optimizer: Steps its parameters at a fixed rate.
        l2_penalty: lambda in ``loss + lambda/2 ||W||^2``, over the weights that are trained.

    Returns:
        Before the update, as scalars on the device: the loss with and without the penalty and, for
        classification, the accuracy on the batch.
    """
    optimizer.zero_grad(set_to_none=True)
    outputs = model(batch.inputs)
    data_loss = loss.function(outputs, batch.targets)
    # A frozen weight is no part of the landscape: its penalty would be a mere constant.
    trained: Parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    total = data_loss + penalty_of(trained, l2_penalty)
    total.backward()
    optimizer.step()
    found = [total.detach(), data_loss.detach()]
    return [*found, accuracy(outputs.detach(), batch.targets)] if loss.classifies else found


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
            whole, data = (replace(_BATCH, loss=of) for of in ("with penalty", "without penalty"))
            self._note(TRAINING.train_loss, step, loss, whole)
            self._note(TRAINING.train_data_loss, step, data_loss, data)
            for value in accuracies:
                self._note(TRAINING.train_accuracy, step, value, _BATCH, loss=data_loss)
            if not math.isfinite(loss):
                return step
        return None

    def test(self, step: int, loss: Tensor, accuracy: Tensor) -> None:
        """Write the loss and the accuracy on the test set before a step."""
        without_penalty = replace(_TEST_SET, loss="without penalty")
        value = loss.item()
        self._note(TRAINING.test_loss, step, value, without_penalty)
        self._note(TRAINING.test_accuracy, step, accuracy.item(), _TEST_SET, loss=value)

    def _note(
        self,
        quantity: Quantity,
        step: int,
        value: float,
        function: Provenance,
        *,
        loss: float | None = None,
    ) -> None:
        # Scores that are not numbers have a highest one too, and so an accuracy that means nothing.
        finite = math.isfinite(value if loss is None else loss)
        status = Status.OK if finite else Status.NONFINITE
        self._write(quantity.at(step, value, status=status, function=function))


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
