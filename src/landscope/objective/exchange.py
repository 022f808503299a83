"""A model with other tensors in the place of its own, for the time of a pass.

A forward pass may also count its calls, grow a list or keep what it saw last. All of that is put
back as it was at the step, and afterwards as it was found.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from landscope.objective.loss_modules import modules_behind, reaches
from landscope.objective.parameters import Parameters
from landscope.objective.shadow import (
    COMPILED_IN_PLACE,
    STRUCTURE,
    cast_shadow,
    is_whole,
    shadows_of,
)
from landscope.objective.substitution import PLAIN, Substitution


@dataclass(frozen=True, eq=False)
class Standing:
    """The attributes of a model's modules at a moment: tensors, mode, and plain Python values.

    Containers are held as copies, three levels deep; what lies deeper, or in an object of another
    class, is shared. Copies as well are tensors that are neither parameters nor buffers, as states
    of metrics are, arrays and random generators: a pass may write on them or draw from them.

    Args:
        modules: Each module that takes part in a pass, the model's own first, with its attributes.
            The model's are their shadows, unless it does not let itself be copied.
        tensors: Parameters and buffers by name.
        live: The model itself.
        shadows: The shadow of each of its modules, by the module's ``id``; empty without.
        maps_loss: Whether the loss can name the model or a tensor of it.
    """

    modules: tuple[tuple[nn.Module, dict[str, Any]], ...]
    tensors: dict[str, Tensor]
    live: nn.Module
    shadows: dict[int, nn.Module]
    maps_loss: bool

    @classmethod
    def capture(cls, model: nn.Module, loss_fn: object, *, shadow: bool = True) -> "Standing":
        """The model as it is now, and with it the modules that it or the loss may call.

        Args:
            model: The model.
            loss_fn: The loss.
            shadow: Whether passes are to run on a shadow of the model, where there can be one.
        """
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        own = {id(part) for part in (*model.modules(), *tensors.values())}
        maps_loss = reaches([loss_fn], own)
        hidden = [
            value
            for module in model.modules()
            for name, value in vars(module).items()
            if name not in STRUCTURE
        ]
        others = modules_behind(loss_fn, model, hidden)
        # No pass writes on weights that are frozen. On others a backward pass leaves gradients.
        frozen = [p for module in others for p in module.parameters() if not p.requires_grad]
        kept = {id(tensor): tensor for tensor in (*tensors.values(), *frozen)}
        shadows = _cast(model, kept, loss_fn if maps_loss else None) if shadow else {}
        substitution = Substitution({**kept, **shadows})
        modules = tuple(
            (own_or_shadow, _attributes(own_or_shadow, substitution))
            for own_or_shadow in (*(shadows.get(id(m), m) for m in model.modules()), *others)
        )
        return cls(modules, tensors, model, shadows, maps_loss)

    @property
    def model(self) -> nn.Module:
        """What a pass calls: the shadow of the model, or the model."""
        return self.modules[0][0]

    @property
    def others(self) -> list[nn.Module]:
        """The modules that are no part of the model, and that the loss can reach."""
        return [module for module, _ in self.modules[sum(1 for _ in self.live.modules()) :]]

    @property
    def training(self) -> bool:
        """Whether the model is in training mode."""
        return bool(self.modules[0][1]["training"])

    @cached_property
    def _parts(self) -> list[tuple[nn.Module, dict[str, Any], dict[str, Any]]]:
        """The modules, with the attributes that need no copy, and with those that do."""
        return [
            (
                module,
                {name: value for name, value in attributes.items() if type(value) in PLAIN},
                {name: value for name, value in attributes.items() if type(value) not in PLAIN},
            )
            for module, attributes in self.modules
        ]

    @contextmanager
    def with_tensors(self, tensors: Parameters) -> Generator[Substitution]:
        """Inside, the model stands as at this moment, but for some tensors; outside, as it did.

        Args:
            tensors: Take the places of the parameters and buffers of their names, wherever the
                modules hold them: weights that are shared stay shared.

        Yields:
            What puts them, and the shadows, in the places where something else holds their own.
        """
        outside = [(module, dict(vars(module))) for module, _, _ in self._parts]
        exchanged: dict[int, Any] = {id(tensor): tensor for tensor in self.tensors.values()}
        exchanged |= {id(self.tensors[name]): tensor for name, tensor in tensors.items()}
        substitution = Substitution(exchanged | self.shadows)
        try:
            for module, plain, others in self._parts:
                inside = {name: substitution.copied(value) for name, value in others.items()}
                _give(module, plain | inside, keep=STRUCTURE)
            yield substitution
        finally:
            for module, attributes in outside:
                _give(module, attributes)


def _cast(
    model: nn.Module, kept: dict[int, Tensor], loss_fn: object | None
) -> dict[int, nn.Module]:
    """The shadows of a model's modules; none if they, or the loss, can still reach the model."""
    shadows = shadows_of(model)
    substitution = Substitution({**kept, **shadows})
    for module in model.modules() if shadows else ():
        cast_shadow(module, shadows[id(module)], substitution)
    if not is_whole(shadows):
        return {}
    if loss_fn is not None and reaches([Substitution(dict(shadows)).called(loss_fn)], set(shadows)):
        return {}
    return shadows


def _attributes(module: nn.Module, substitution: Substitution) -> dict[str, Any]:
    return {
        name: substitution.copied(value)
        for name, value in vars(module).items()
        if name not in STRUCTURE and name != COMPILED_IN_PLACE
    }


def _give(
    module: nn.Module, attributes: dict[str, Any], keep: frozenset[str] = frozenset()
) -> None:
    """Give a module these attributes and no others; at no moment it is without them."""
    own = vars(module)
    own.update(attributes)
    if len(own) == len(attributes) + len(keep):
        return
    for added in own.keys() - attributes.keys() - keep:
        del own[added]
