"""The modules that a loss calls besides the model: a critic, a teacher, a perceptual network.

A pass in training mode writes on their running statistics too. A function does not say what it
calls, so they are looked for where Python keeps what a function can name.
"""

from collections.abc import Iterable
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any, cast

from torch import Tensor, nn

_MOST = 1000
"""Objects that are looked at: a loss that can reach more is looked through no further."""

_FOLLOWED = (nn.Module, FunctionType, MethodType, partial, dict, list, tuple)


def modules_behind(
    loss_fn: object, model: nn.Module, hidden: Iterable[object] = ()
) -> list[nn.Module]:
    """The modules within reach of a loss, each once, without the model's own.

    Args:
        loss_fn: A module, or a function with its closure, globals, defaults and the object that it
            is bound to, and the functions among these.
        model: What is measured. What holds it, as a module of Lightning does or a wrapper, is left
            alone; what stands beside it in there is not.
        hidden: Attributes of the model that are none of its children. Modules among them, or in
            a list or a dict, as a teacher is kept out of the optimiser, are found too.
    """
    own = {id(module) for module in model.modules()}
    found: dict[int, nn.Module] = {}
    seen: set[int] = set()
    left: list[object] = [
        loss_fn,
        *(value for value in hidden if isinstance(value, (nn.Module, dict, list, tuple))),
    ]
    while left and len(seen) < _MOST:
        thing = left.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, nn.Module):
            beside = [part for part in thing.modules() if not _holds(part, model)]
            found |= {id(part): part for part in beside if id(part) not in own}
        else:
            left += _named_by(thing)
    return list(found.values())


def _holds(part: nn.Module, model: nn.Module) -> bool:
    """Whether a module is what surrounds the model, or what compiles another."""
    return hasattr(part, "_orig_mod") or any(inner is model for inner in part.modules())


def _named_by(thing: object) -> list[Any]:
    """What an object can name in turn.

    Of a function that is everything; of another object, that a function names, only modules,
    functions and containers: the search ends somewhere.
    """
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, FunctionType):
        closed = [cell.cell_contents for cell in thing.__closure__ or () if _is_full(cell)]
        if (thing.__module__ or "").startswith(("torch.", "landscope.")):
            return closed  # which may wrap a loss of the user's
        named = [thing.__globals__.get(name) for name in thing.__code__.co_names]
        return [*closed, *named, *(thing.__defaults__ or ())]
    return [value for value in _values(thing) if isinstance(value, _FOLLOWED)]


def _values(thing: Any) -> Iterable[Any]:
    if isinstance(thing, dict):
        return cast("dict[Any, Any]", thing).values()
    if isinstance(thing, (list, tuple)):
        return cast("Iterable[Any]", thing)
    if isinstance(thing, (type, ModuleType, Tensor)):
        return ()
    return getattr(thing, "__dict__", {}).values()


def _is_full(cell: Any) -> bool:
    """Whether a variable of a closure has a value yet."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
