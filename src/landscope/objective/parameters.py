"""Points and directions in parameter space: named tensors, and the few operations on them."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from landscope.errors import UsageError

_PIECE = 2**17  # entries, which lie in a processor's cache in float64; longer ones take far longer

LOST = 0.1
"""Share of a displacement that rounding may take away. Beyond it, what is measured belongs
to another displacement."""

Parameters = dict[str, Tensor]
"""A point or a direction: one tensor for each name in ``model.named_parameters()``."""


def trainable(model: nn.Module) -> Parameters:
    """The parameters that require a gradient, detached, sharing memory with the model.

    Raises:
        UsageError: The model has no parameters, none that requires a gradient, or one whose shape
            is not known yet.
    """
    named = dict(model.named_parameters())
    lazy = [name for name, tensor in named.items() if is_lazy(tensor)]
    if lazy:
        raise UsageError(
            f"the parameter {lazy[0]!r} has no shape yet",
            "a landscape is measured around values",
            "give the network a batch first, from which its lazy modules learn their shapes",
        )
    if not named:
        raise UsageError(
            f"model = {type(model).__name__} has no parameters",
            "a landscape is a function of parameters",
            "pass the network itself, not a loss or an activation",
        )
    chosen = {name: tensor.detach() for name, tensor in named.items() if tensor.requires_grad}
    if not chosen:
        raise UsageError(
            f"none of the {len(named)} parameters of {type(model).__name__} requires a gradient",
            "the landscape is measured over the parameters that are trained",
            "call requires_grad_(True) on those that you train",
        )
    return chosen


def check_like(given: Parameters, wanted: Parameters, argument: str, model: nn.Module) -> None:
    """Refuse a point or direction that does not fit the parameters of a model.

    Entries for parameters that are frozen are allowed, and not looked at.

    Raises:
        UsageError: A name is missing or unknown, or a tensor has another shape, type or device.
    """
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in dict(model.named_parameters())]
    if missing or unknown:
        found = [f"lacks {missing[0]!r}"] if missing else []
        found += [f"has the unknown entry {unknown[0]!r}"] if unknown else []
        raise UsageError(
            f"{argument} {' and '.join(found)}",
            f"it has one entry for each of the {len(wanted)} parameters that require a gradient",
            "build it from model.named_parameters()",
        )
    for name, tensor in wanted.items():
        for what, found, expected in (
            ("shape", tuple(given[name].shape), tuple(tensor.shape)),
            ("type", given[name].dtype, tensor.dtype),
            ("device", given[name].device, tensor.device),
        ):
            if found != expected:
                raise UsageError(
                    f"{argument}[{name!r}] has {what} {found}",
                    f"the parameter has {what} {expected}",
                    "build it from the same model's named_parameters()",
                )


def displaced(point: Parameters, direction: Parameters, eta: float) -> Parameters:
    """``point - eta * direction``: downhill, where the direction is a gradient."""
    return {
        name: tensor.detach() - eta * direction[name].detach() for name, tensor in point.items()
    }


def resolved(point: Parameters, direction: Parameters, etas: Sequence[float]) -> tuple[bool, ...]:
    """Whether the type of a point can hold ``point - eta * direction``, for each eta.

    It cannot where more than :data:`LOST` of the displacement, by its length, is lost in rounding.
    A displacement of 0 is resolved, and so is one that overflows, as its loss says what it is.
    """
    size, length = torch.stack([norm(point), norm(direction)]).tolist()
    eps = max(torch.finfo(tensor.dtype).eps for tensor in point.values())
    return tuple(
        # Rounding errors are at most eps of what is rounded: most often nothing must be looked at.
        not eps * size > LOST * eta * length or not _lost(point, direction, eta, length) > LOST
        for eta in etas
    )


def _lost(point: Parameters, direction: Parameters, eta: float, length: float) -> float:
    """Share of ``eta * direction`` that rounding takes away; 0 where that is not finite."""
    made = displaced(point, direction, eta)
    pieces = (
        wide(here) - wide(there) - eta * wide(along)
        for name, tensor in point.items()
        for here, there, along in zip(
            *map(in_pieces, (tensor, made[name], direction[name])), strict=True
        )
    )
    share = float(_total(map(_square, pieces)).sqrt()) / (eta * length) if length else 0.0
    return share if math.isfinite(share) else 0.0


def inner(first: Parameters, second: Parameters) -> Tensor:
    """The inner product over all entries, a scalar, accumulated in float64 where there is one."""
    return _total((wide(first[name]) * wide(tensor)).sum() for name, tensor in second.items())


def norm(vector: Parameters) -> Tensor:
    """The Euclidean norm over all entries, a scalar, accumulated in float64 where there is one."""
    pieces = (piece for tensor in vector.values() for piece in in_pieces(tensor))
    return _total(_square(wide(piece)) for piece in pieces).sqrt()


def distance(first: Parameters, second: Parameters) -> Tensor:
    """``||first - second||`` over the names of ``second``, a scalar, accumulated likewise."""
    pieces = (
        pair
        for name, tensor in second.items()
        for pair in zip(in_pieces(first[name]), in_pieces(tensor), strict=True)
    )
    return _total(_square(wide(there) - wide(here)) for there, here in pieces).sqrt()


def _square(vector: Tensor) -> Tensor:
    return torch.dot(vector, vector)


def _total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


def in_pieces(tensor: Tensor) -> tuple[Tensor, ...]:
    """A tensor as short vectors: what they are widened to must not take much memory.

    A complex one is given as its real and imaginary parts.
    """
    return real(tensor).reshape(-1).split(_PIECE)


def real(tensor: Tensor) -> Tensor:
    """A complex tensor as its real and imaginary parts, any other as it is."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def wide(tensor: Tensor) -> Tensor:
    """A tensor in float64 where there is one; a complex one as its real and imaginary parts."""
    tensor = real(tensor)
    # Apple's GPUs have no float64; there float32 is the widest sum to be had.
    return tensor.float() if tensor.device.type == "mps" else tensor.double()


def memory_of(tensor: Tensor) -> int | None:
    """Where a tensor's numbers lie, the same for all views of it; None where nobody can tell."""
    if tensor.layout != torch.strided:
        return None
    try:
        return tensor.untyped_storage().data_ptr() or None
    except (RuntimeError, NotImplementedError):  # a tensor within a transform of torch.func
        return None
