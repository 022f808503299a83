"""A norm for inputs whose features lie in the last dimension, as in transformers.

The norms of the table take features in dimension 1. Here every other dimension is folded into the
batch: a token is a sample. So group, layer and RMS norm take their statistics of each token alone,
as PyTorch's ``LayerNorm(features)`` does, and batch norm takes them over the batch and the time.
"""

from collections.abc import Callable

from torch import Tensor, nn


def of_tokens(norm: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The norm of inputs of shape (..., features), each token a sample.

    Args:
        norm: Takes (tokens, features) and gives the same shape.
        inputs: Any number of dimensions, the features last.
    """
    return norm(inputs.reshape(-1, inputs.shape[-1])).reshape(inputs.shape)


class FeaturesLast(nn.Module):
    """A norm of the table, the child ``norm``, over the last dimension of its inputs.

    Args:
        norm: Takes (tokens, features).
        features: Number of features, the size of the last dimension.
    """

    def __init__(self, norm: nn.Module, features: int) -> None:
        super().__init__()
        self.norm = norm
        self.features = features

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  the name in PyTorch's LayerNorm
        """Normalise (..., features)."""
        return of_tokens(self.norm, input)
