"""The losses that the paper trains on, and a step on them: plain gradient descent."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from landscope.data.batches import Batch
from landscope.errors import UsageError
from landscope.objective.objective import l2_penalty as penalty_of
from landscope.objective.parameters import Parameters


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
        Before the update, as scalars on the device: the loss with and without the penalty and,
        where classes are told apart, the accuracy on the batch.
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
