"""The losses that the paper trains on, by set-up, and what counts as accuracy."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from landscope.errors import UsageError


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
