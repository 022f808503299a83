"""The refusal of a statistic over a single value: it would be the value itself, its spread 0."""

from jaxtyping import Float
from torch import Tensor

from landscope.errors import UsageError


def check_batch_values(inputs: Float[Tensor, "batch features *space"]) -> None:
    """Refuse a batch that has one value, or none, for each feature.

    Raises:
        UsageError: Where the batch times the space has fewer than two values.
    """
    values = inputs.shape[0] * inputs.shape[2:].numel()
    if values < 2:
        raise UsageError(
            f"inputs of shape {tuple(inputs.shape)}",
            "a batch norm in training mode needs more than 1 value for each feature",
            "give a larger batch, or put the model into evaluation mode",
        )


def check_space_values(inputs: Float[Tensor, "batch features *space"]) -> None:
    """Refuse inputs that have one value, or none, for each feature of each sample.

    Raises:
        UsageError: Where the space has fewer than two positions.
    """
    if inputs.shape[2:].numel() < 2:
        raise UsageError(
            f"inputs of shape {tuple(inputs.shape)}",
            "instance norm needs more than 1 position in space for each feature",
            "give larger inputs, or use layer norm where the maps are this small",
        )
