"""What a new norm takes over from the one whose place it takes."""

from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from landscope.norms.features_last import FeaturesLast
from landscope.norms.noise import NoisyBatchNorm

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def settle(new: nn.Module, old: nn.Module, tensors: Iterable[Tensor]) -> None:
    """Give a norm the device, the type and the mode of the place that it is put in.

    Args:
        new: Changed in place.
        old: What stood there, or the layer that it is to follow.
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

    What does not fit stays as it was made; it is to be trained if anything in the old norm was.

    Args:
        old: Left alone.
        new: Changed in place.
        memo: What is to stand in the copy for which tensor of the model; a scale that belongs to
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
