"""Where a layer's activations enter its non-linearity: the output of the norm that follows it."""

import re

from torch import nn


def pre_activation(model: nn.Module, layer: str) -> str:
    """Name of the module whose output is the layer's pre-activation.

    In our models ``conv3`` and ``fc3`` are followed by ``norm3``, an identity where there is no
    norm. A layer that is followed by none gives its own output.

    Args:
        model: One of ours.
        layer: Name of a weight-bearing module of it.
    """
    norm = re.sub(r"(conv|fc)(\d+)$", r"norm\2", layer)
    return norm if norm in dict(model.named_modules()) else layer
