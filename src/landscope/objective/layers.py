"""Layers in the order of execution: found by running the network once, not assumed.

A layer is a weight-bearing module with the normalisation that follows it (and any other module
that holds nothing but scales and shifts). Its place is that of the first use of its weight. A
matrix that the network itself holds, and none of its modules, is a layer of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import nn

from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters
from landscope.objective.recording import record

# A LayerNorm over several dimensions has a scale with several dimensions, yet bears no weight.
_NORMS = (nn.LayerNorm, nn.RMSNorm)


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
    """
    return layers_in_order(objective.model, record(objective, parameters).first_uses)


def layers_in_order(model: nn.Module, names: Iterable[str]) -> list[Layer]:
    """The layers of a network.

    Args:
        model: The network.
        names: Its parameters in the order of their first use.
    """
    bearers = _weight_bearers(model)
    layers: list[_Growing] = []
    for name in names:
        owner = _owner(name)
        own = next((layer for layer in layers if owner in layer.owners), None)
        if own is None and layers and owner not in bearers:
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
