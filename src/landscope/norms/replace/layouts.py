"""What a norm's type reveals about its inputs: number of features, their dimension, the space.

PyTorch's own norms and those of :mod:`landscope.norms.table` are known, and so are subclasses that
do not override ``forward``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from landscope.norms import batch, instance
from landscope.norms.lp import LpNorm
from landscope.norms.noise import Noise, NoisyBatchNorm
from landscope.norms.replace.adapt import FeaturesLast
from landscope.norms.rms import RMSNorm

Axis = Literal["first", "last"]
"""Where the features lie: "first" in dimension 1, after the batch; "last" in the last one."""

ANY_SPACE = (0, 1, 2, 3)


@dataclass(frozen=True)
class Layout:
    """What can be read from a norm about the inputs that it takes.

    Args:
        features: Number of features; None where it is not written in the module.
        axis: Where they lie.
        spatial: The numbers of spatial dimensions that are possible.
        sure: Whether the type admits no other inputs.
        after: Names of its children that act on what the norm gives, in this order.
        affine: Which of its tensors are the scale and the shift.
    """

    features: int | None
    axis: Axis = "first"
    spatial: tuple[int, ...] = ANY_SPACE
    sure: bool = True
    after: tuple[str, ...] = ()
    affine: tuple[str, ...] = ("weight", "bias")


def _dimensions(*spatial: int) -> Callable[[Any], Layout]:
    return lambda norm: Layout(norm.num_features, spatial=spatial)


def _trailing(norm: nn.LayerNorm | nn.RMSNorm) -> Layout:
    first, *rest = norm.normalized_shape
    # Over several dimensions it is, by all known models, over channels and space.
    return Layout(first, spatial=(len(rest),), sure=False) if rest else Layout(first, "last", (0,))


def _noisy(norm: NoisyBatchNorm) -> Layout:
    return _READERS[type(norm.norm)](norm.norm)


_READERS: dict[type[nn.Module], Callable[[Any], Layout]] = {
    nn.BatchNorm1d: _dimensions(0, 1),
    nn.BatchNorm2d: _dimensions(2),
    nn.BatchNorm3d: _dimensions(3),
    nn.SyncBatchNorm: _dimensions(*ANY_SPACE),
    nn.InstanceNorm1d: _dimensions(1),
    nn.InstanceNorm2d: _dimensions(2),
    nn.InstanceNorm3d: _dimensions(3),
    nn.GroupNorm: lambda norm: Layout(norm.num_channels),
    nn.LayerNorm: _trailing,
    nn.RMSNorm: _trailing,
    batch.BatchNorm1d: _dimensions(0, 1),
    batch.BatchNorm2d: _dimensions(2),
    batch.BatchNorm3d: _dimensions(3),
    instance.InstanceNorm1d: _dimensions(1),
    instance.InstanceNorm2d: _dimensions(2),
    instance.InstanceNorm3d: _dimensions(3),
    LpNorm: lambda norm: Layout(norm.features),
    RMSNorm: lambda norm: Layout(norm.features),
    Noise: lambda norm: Layout(None),  # noqa: ARG005
    NoisyBatchNorm: _noisy,
    FeaturesLast: lambda norm: Layout(norm.features, "last", (0,)),
}


def known_kind(module: nn.Module) -> type[nn.Module] | None:
    """The known norm that a module is or is derived from; None where there is none."""
    return next((kind for kind in type(module).__mro__ if kind in _READERS), None)


def known_layout(module: nn.Module) -> Layout | None:
    """What the type says; None where it is not known or has a ``forward`` of its own."""
    known = known_kind(module)
    if known is None or getattr(module.forward, "__func__", None) is not known.forward:
        return None
    return _READERS[known](module)


def features_of(module: nn.Module) -> int | None:
    """Number of features of a norm, by its type or its scale; None where neither says it."""
    known = known_kind(module)
    if known is not None:
        return _READERS[known](module).features
    for name in ("weight", "bias"):
        scale = getattr(module, name, None)
        if isinstance(scale, Tensor) and scale.numel() == max(scale.shape, default=0) > 1:
            return scale.numel()
    number = getattr(module, "num_features", None)
    return number if isinstance(number, int) else None
