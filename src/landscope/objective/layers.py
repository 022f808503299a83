"""Layers in the order of execution: found by running the network once, not assumed.

A layer is a weight-bearing module with the normalisation that follows it (and any other module
that holds nothing but scales and shifts). Its place is that of the first use of its weight. A
matrix that the network itself holds, and none of its modules, is a layer of its own.
"""

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from landscope.objective.checks import check_dependence
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters, memory_of

# A LayerNorm over several dimensions has a scale with several dimensions, yet bears no weight.
_NORMS = (nn.LayerNorm, nn.RMSNorm)

KNOWN: "WeakKeyDictionary[Objective, list[Layer]]" = WeakKeyDictionary()
"""The order of the layers where a pass of an objective has shown it."""


@dataclass(frozen=True)
class Layer:
    """A weight-bearing module and what belongs to it.

    Args:
        name: Name of the weight-bearing module, as in ``model.named_modules()``; that of the
            parameter, where the network itself holds it.
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

    Raises:
        UsageError: ``loss_fn`` gave something else than one number, or one that no parameter
            enters.
    """
    if objective in KNOWN:
        return KNOWN[objective]
    # Gradients are on as in a training step: what a pass does may depend on it.
    point = {name: tensor.detach().clone().requires_grad_() for name, tensor in parameters.items()}
    uses = FirstUses(objective.model, point)
    with torch.enable_grad(), uses:
        loss = objective.data_loss(point)
    check_dependence(loss, list(point))
    KNOWN[objective] = uses.order.layers
    return KNOWN[objective]


class LayerOrder:
    """The layers of a network whose parameters become known in the order of their first use.

    Args:
        model: The network.
    """

    def __init__(self, model: nn.Module) -> None:
        self._bearers = _weight_bearers(model)
        self._layers: list[_Growing] = []
        self._places: dict[str, int] = {}

    @property
    def layers(self) -> list[Layer]:
        """The layers so far."""
        return [Layer(layer.name, tuple(layer.parameters)) for layer in self._layers]

    @property
    def last(self) -> int:
        """Place of the last layer so far; -1 before any."""
        return len(self._layers) - 1

    def place(self, name: str) -> int:
        """The place of the layer that a parameter belongs to, which is used now."""
        if name not in self._places:
            self._places[name] = self._found(name)
        return self._places[name]

    def _found(self, name: str) -> int:
        owner = _owner(name)
        places = (n for n, layer in enumerate(self._layers) if owner in layer.owners)
        place = next(places, None)
        if place is None and self._layers and owner not in self._bearers:
            place = self.last
            self._layers[place].owners.append(owner)
        if place is None:
            self._layers.append(_Growing(owner, [owner]))
            place = self.last
        self._layers[place].parameters.append(name)
        return place


class FirstUses(TorchDispatchMode):
    """Inside, notes in which order the parameters of a network are first used.

    Args:
        model: The network.
        parameters: The point at which it stands, by name, in memory of its own.
    """

    supports_higher_order_operators = True

    def __init__(self, model: nn.Module, parameters: Parameters) -> None:
        super().__init__()
        self.order = LayerOrder(model)
        # By where their numbers lie: an operation may be given a view of a weight.
        self._unused = {memory_of(tensor): name for name, tensor in parameters.items()}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Perform the operation, and note the parameters that it uses."""
        del types
        if self._unused:
            for leaf in tree_leaves((args, kwargs)):
                if isinstance(leaf, Tensor):
                    name = self._unused.pop(memory_of(leaf), None)
                    if name is not None:
                        self.order.place(name)
        return func(*args, **(kwargs or {}))


@dataclass
class _Growing:
    name: str
    owners: list[str]
    parameters: list[str] = field(default_factory=list[str])


def _weight_bearers(model: nn.Module) -> set[str]:
    modules = dict(model.named_modules())
    matrices = (n for n, p in model.named_parameters() if p.requires_grad and p.ndim >= 2)
    return {_owner(name) for name in matrices if not isinstance(modules.get(_owner(name)), _NORMS)}


def _owner(name: str) -> str:
    # A parametrised weight lies in a module of its own, below the one that it is computed for.
    plain, _, rest = name.partition("parametrizations.")
    module = plain.rstrip(".") if rest else name.rpartition(".")[0]
    # What the network itself holds has no module to be named after.
    return module or name
