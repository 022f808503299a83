"""Layers in the order of execution: found by running the network once, not assumed.

A layer is a weight-bearing module with the normalisation that follows it (and any other module
that holds nothing but scales and shifts). Its place is that of the first use of its weight.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from landscope.landscape.objective import Objective
from landscope.landscape.parameters import Parameters

# A LayerNorm over several dimensions has a scale with several dimensions, yet bears no weight.
_NORMS = (nn.LayerNorm, nn.RMSNorm)


@dataclass(frozen=True)
class Layer:
    """A weight-bearing module and what belongs to it.

    Args:
        name: Name of the weight-bearing module, as in ``model.named_modules()``.
        parameters: Names of its parameters, those of its normalisation included.
    """

    name: str
    parameters: tuple[str, ...]


def execution_order(objective: Objective, parameters: Parameters) -> list[Layer]:
    """The layers of the network in the order in which one pass first uses their weights.

    Parameters that the pass does not use belong to no layer. Weights that are used again later
    count where they are first used.

    Args:
        objective: The batch and the network.
        parameters: Any point in parameter space; the order must not depend on it.
    """
    point = {name: tensor.detach() for name, tensor in parameters.items()}
    with torch.no_grad(), _FirstUse(point) as first_use:
        objective.outputs(point)
    modules = dict(objective.model.named_modules())
    layers: list[_Growing] = []
    for name in first_use.order:
        owner, _, _ = name.rpartition(".")
        own = next((layer for layer in layers if owner in layer.owners), None)
        if own is None and layers and not _bears_weight(modules[owner], parameters, owner):
            own = layers[-1]
            own.owners.append(owner)
        if own is None:
            own = _Growing(owner, [owner])
            layers.append(own)
        own.parameters.append(name)
    return [Layer(layer.name, tuple(layer.parameters)) for layer in layers]


@dataclass
class _Growing:
    name: str
    owners: list[str]
    parameters: list[str] = field(default_factory=list[str])


def _bears_weight(module: nn.Module, parameters: Parameters, prefix: str) -> bool:
    if isinstance(module, _NORMS):
        return False
    start = f"{prefix}." if prefix else ""
    own = (name for name, _ in module.named_parameters(recurse=False))
    return any(
        f"{start}{name}" in parameters and parameters[f"{start}{name}"].ndim >= 2 for name in own
    )


class _FirstUse(TorchFunctionMode):
    """Notes in which order the operations of a pass first take each of some tensors."""

    def __init__(self, tensors: Parameters) -> None:
        super().__init__()
        self._names = {id(tensor): name for name, tensor in tensors.items()}
        self.order: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        # A question about a weight, such as its shape or its type, is not yet a use of it.
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            for leaf in tree_leaves((args, kwargs)):
                name = self._names.pop(id(leaf), None) if isinstance(leaf, Tensor) else None
                if name is not None:
                    self.order.append(name)
        return result
