"""PyTorch's fast path through its transformer encoder, which passes by the modules in it.

In evaluation mode ``nn.TransformerEncoderLayer`` gives its weights, and those of ``norm1`` and
``norm2``, to one fused operation, and ``nn.TransformerEncoder`` may pack a padded batch for it. It
computes layer norm, whatever the modules are.
"""

from collections.abc import Collection

from torch import nn


def leave_fast_path(model: nn.Module, changed: Collection[nn.Module]) -> None:
    """Let encoders call their modules in evaluation mode too: as right, and slower.

    Args:
        model: Changed in place.
        changed: Modules of it; an encoder that holds one of them is set right.
    """
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer) and _holds(module, changed):
            # Of the conditions for the fast path this one has no other use.
            module.activation_relu_or_gelu = 0
        if isinstance(module, nn.TransformerEncoder) and _holds(module, changed):
            module.use_nested_tensor = False


def _holds(module: nn.Module, changed: Collection[nn.Module]) -> bool:
    return any(part in changed for part in module.modules())
