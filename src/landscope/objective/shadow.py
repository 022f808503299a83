"""A shadow of a model: copies of its modules that are wired to each other, for passes of ours.

While a measurement runs, another thread, a signal handler or an evaluation may use the model. So
its modules are left alone, and other weights are put into their shadows.
"""

import functools
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from landscope.objective.loss_modules import reaches
from landscope.objective.substitution import Substitution, bare

STRUCTURE = frozenset(vars(nn.Module())) - {"_parameters", "_buffers", "training"}
"""What torch keeps of a module for itself, apart from the tensors: its children and its hooks."""

_KNOWN = STRUCTURE | {"_parameters", "_buffers"}
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
COMPILED_IN_PLACE = "_compiled_call_impl"  # what a module that is compiled in place calls instead
_ASKS_FOR_FABRIC = "_register_backward_hook"  # raises in a backward pass that Fabric does not make
_COMPILED = "_orig_mod"  # the child of what torch.compile makes of a module


class _Uncompiled(nn.Module):
    """Stands for what ``torch.compile`` made of a part of a model, and runs that as it is written.

    Compiled code is made for the model's own tensors.
    """

    _child = _COMPILED

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the part gives."""
        return self._modules[self._child](*args, **kwargs)  # type: ignore[reportOptionalCall]

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._modules[self._child], name)


class _Undistributed(_Uncompiled):
    """Stands for ``DistributedDataParallel`` around a part, whose pass prepares an averaging."""

    _child = "module"


def shadows_of(model: nn.Module) -> dict[int, nn.Module]:
    """An empty shadow for each module of a model, by the module's ``id``.

    None at all where a module keeps its state elsewhere than in its attributes.
    """
    shadows: dict[int, nn.Module] = {}
    for module in model.modules():
        kind = _standing_for(module)
        try:
            shadows[id(module)] = bare(kind)
        except TypeError:
            return {}
    return shadows


def _standing_for(module: nn.Module) -> type[nn.Module]:
    """The class of a module's shadow."""
    kind = type(module)
    if is_compiled_part(module):
        return _Uncompiled
    if kind.__name__ == "_FabricModule" and hasattr(kind, _ASKS_FOR_FABRIC):
        return _free_of_fabric(kind)
    return _Undistributed if isinstance(module, DistributedDataParallel) else kind


@functools.cache
def _free_of_fabric(kind: type[nn.Module]) -> type[nn.Module]:
    """The class of a module that Lightning's Fabric has set up, which lets anyone differentiate."""
    return type(kind.__name__, (kind,), {_ASKS_FOR_FABRIC: lambda _, tensor: tensor})


def cast_shadow(module: nn.Module, shadow: nn.Module, substitution: Substitution) -> None:
    """Give a shadow the children and hooks of its module, its attributes and its tensors.

    Args:
        module: The module.
        shadow: Its shadow, empty.
        substitution: Replaces modules by their shadows, and no tensor.
    """
    own = vars(module)
    if isinstance(shadow, _Uncompiled):
        own = {k: v for k, v in own.items() if k in STRUCTURE}
        own |= {"_parameters": {}, "_buffers": {}, "training": module.training}
    vars(shadow).update(
        {k: substitution.copied(v) for k, v in own.items() if k != COMPILED_IN_PLACE}
    )


def is_whole(shadows: dict[int, nn.Module]) -> bool:
    """Whether nothing in the shadows of a model can reach a module of the model itself."""
    own = set(shadows)
    for shadow in shadows.values():
        held = vars(shadow)
        roots = [value for name, value in held.items() if name not in _KNOWN and _may_hold(value)]
        roots += [hook for name in _HOOKS for hook in held.get(name, {}).values()]
        if roots and reaches(roots, own):
            return False
    return True


def _may_hold(value: Any) -> bool:
    """Whether a value may lead to another; most attributes are numbers."""
    if isinstance(value, (dict, list, tuple)):
        return any(map(_may_hold, value.values() if isinstance(value, dict) else value))
    return hasattr(value, "__dict__") and not isinstance(value, Tensor)


def is_compiled_part(module: nn.Module) -> bool:
    """Whether a module is what ``torch.compile`` made of another."""
    return _COMPILED in vars(module).get("_modules", {})
