"""Adapts a new norm to its place: features last, device and mode, weights, no fast path."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from landscope.norms.noise import NoisyBatchNorm

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def of_tokens(norm: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The norm of inputs of shape (..., features), each token a sample.

    Args:
        norm: Takes (tokens, features) and gives the same shape.
        inputs: Any number of dimensions, the features last.
    """
    return norm(inputs.reshape(-1, inputs.shape[-1])).reshape(inputs.shape)


class FeaturesLast(nn.Module):
    """A norm of the table, the child ``norm``, for inputs with the features last, as transformers'.

    The norms of the table take features in dimension 1. Here every other dimension is folded into
    the batch: a token is a sample. So group, layer and RMS norm take their statistics of each
    token alone, as PyTorch's ``LayerNorm(features)`` does, and batch norm takes them over the
    batch and the time.

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


def settle(new: nn.Module, old: nn.Module, tensors: Iterable[Tensor]) -> None:
    """Give a new norm the device, the type and the mode of its place.

    Args:
        new: Changed in place.
        old: The norm that it replaces, or the layer that it is to follow.
        tensors: The place's own, the nearest first; the first of floating point counts.
    """
    for tensor in tensors:
        if tensor.is_floating_point():
            new.to(device=tensor.device, dtype=tensor.dtype)
            break
    new.train(old.training)


def carry(
    old: nn.Module, new: nn.Module, memo: dict[int, Any], affine: Collection[str]
) -> tuple[str, ...]:
    """Take over scale and shift where they fit, and running statistics between batch norms.

    What does not fit keeps its initial values; it requires a gradient if anything in the old norm
    did.

    Args:
        old: Not changed.
        new: Changed in place.
        memo: Replacements of the model's tensors in the copy, by identity; a scale that belongs to
            two norms is still one in the copy.
        affine: Which of "weight" and "bias" are the old norm's scale and shift.

    Returns:
        Names of what was taken over.
    """
    own = list(old.parameters())
    if own:
        new.requires_grad_(any(parameter.requires_grad for parameter in own))
    source, target = _scaled(old), _scaled(new)
    parameters = dict(target.named_parameters(recurse=False))
    carried: list[str] = []
    for name in ("weight", "bias"):
        value = getattr(source, name, None)
        own_shape = parameters[name].shape if name in parameters else None
        if name in affine and isinstance(value, Tensor) and value.shape == own_shape:
            setattr(target, name, _copy(value, memo))
            carried.append(name)
    return (*carried, *_carry_statistics(source, target))


def _scaled(norm: nn.Module) -> nn.Module:
    return _scaled(norm.norm) if isinstance(norm, (FeaturesLast, NoisyBatchNorm)) else norm


def _copy(value: Tensor, memo: dict[int, Any]) -> nn.Parameter:
    known = memo.get(id(value))
    if isinstance(known, nn.Parameter):
        return known
    made = nn.Parameter(value.detach().clone(), requires_grad=value.requires_grad)
    if isinstance(value, nn.Parameter):  # it outlives the copying, and so does its identity
        memo[id(value)] = made
    return made


def _carry_statistics(source: nn.Module, target: nn.Module) -> tuple[str, ...]:
    if not (isinstance(source, _BATCH_NORMS) and isinstance(target, _BATCH_NORMS)):
        return ()
    theirs, own = dict(source.named_buffers()), dict(target.named_buffers())
    names = tuple(name for name in _STATISTICS if name in theirs and name in own)
    with torch.no_grad():
        for name in names:
            own[name].copy_(theirs[name])
    return names


def leave_fast_path(model: nn.Module, changed: Collection[nn.Module]) -> None:
    """Make transformer encoders call their modules in evaluation mode too, which is slower.

    In evaluation mode ``nn.TransformerEncoderLayer`` gives its weights, and those of ``norm1`` and
    ``norm2``, to one fused operation, and ``nn.TransformerEncoder`` may pack a padded batch for
    it. It computes layer norm, whatever the modules are.

    Args:
        model: Changed in place.
        changed: Modules of it; an encoder that holds one of them leaves the fast path.
    """
    for module in model.modules():
        if not any(part in changed for part in module.modules()):
            continue
        if isinstance(module, nn.TransformerEncoderLayer):
            # Among the conditions for the fast path, this one has no other effect.
            module.activation_relu_or_gelu = 0
        if isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
