"""The losses that the paper trains on, and its loop: plain gradient descent at a fixed rate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from landscope.data.batches import Batch, Batches
from landscope.errors import UsageError
from landscope.objective.objective import Objective
from landscope.objective.objective import l2_penalty as penalty_of
from landscope.objective.parameters import Parameters, trainable
from landscope.probes.snapshot import Snapshot, StepView, TrainedGradients
from landscope.reading import Provenance


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


def train(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    lr: float,
    steps: int,
    start: int = 0,
    l2_penalty: float = 0.0,
    look: Callable[[int], bool] | None = None,
) -> Iterator[StepView]:
    """Train the model in place, yielding a view of each step after its update.

    The penalty is part of the loss, not of the optimiser, so that the gradient and the landscape
    belong to one function. Nothing here waits for the device: a view's numbers are tensors on it.

    Args:
        model: The network; it is put in training mode.
        batches: The batch of each step.
        loss: What is minimised, beside the penalty.
        lr: Learning rate, fixed.
        steps: Number of updates.
        start: The first of them that is taken here, where the model comes from a checkpoint. Plain
            gradient descent carries nothing else from step to step.
        l2_penalty: lambda in ``loss + lambda/2 ||W||^2``, over the weights that are trained.
        look: Whether a step's view shall carry a snapshot. Where it does not, or is
            not given, nothing is copied.

    Yields:
        One view a step, from ``start`` on.
    """
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for step in range(start, steps):
        batch = batches(step)
        kept = _Start.now(model, loss, batch, l2_penalty) if look and look(step) else None
        optimizer.zero_grad(set_to_none=True)
        outputs = model(batch.inputs)
        data_loss = loss.function(outputs, batch.targets)
        # A frozen weight is no part of the landscape: its penalty would be a mere constant.
        trained: Parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        total = data_loss + penalty_of(trained, l2_penalty)
        total.backward()
        optimizer.step()
        yield StepView(
            step=step,
            lr=lr,
            loss=total.detach(),
            data_loss=data_loss.detach(),
            accuracy=accuracy(outputs.detach(), batch.targets) if loss.classifies else None,
            snapshot=kept.finished(model) if kept else None,
        )


@dataclass(frozen=True, eq=False)
class _Start:
    """What must be kept before a step at which a probe looks."""

    objective: Objective
    before: Parameters
    measured: Provenance

    @classmethod
    def now(cls, model: nn.Module, loss: Loss, batch: Batch, penalty: float) -> "_Start":
        before = {name: tensor.clone() for name, tensor in trainable(model).items()}
        objective = Objective.now(
            model, loss.function, batch.inputs, batch.targets, l2_penalty=penalty
        )
        return cls(objective, before, _measured(batch))

    def finished(self, model: nn.Module) -> Snapshot:
        gradient = {
            # Autograd leaves out what the loss does not depend on; there the gradient is zero.
            name: torch.zeros_like(p) if p.grad is None else p.grad
            for name, p in model.named_parameters()
            if p.requires_grad
        }
        # No copies: what looks does so before the next step, and a copy is as large as the model.
        return Snapshot(
            self.objective,
            self.before,
            trainable(model),
            gradient,
            self.measured,
            trained=TrainedGradients(used=gradient),
        )


def _measured(batch: Batch) -> Provenance:
    place = (batch.index, batch.epoch)
    return Provenance(mode="training", place=place, samples=len(batch.inputs))
