"""What a loss can reach besides its arguments: a critic, a teacher, or the model itself.

A pass in training mode writes on their running statistics too. A function does not say what it
calls, so they are looked for where Python keeps what a function can name.
"""

from collections.abc import Iterable
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any, cast

from torch import Tensor, nn

from landscope.objective.substitution import FOLLOWED, is_full, named_globals

_MOST = 1000
"""Objects that are looked at: what can reach more is looked through no further."""


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
    listed = (value for value in hidden if isinstance(value, (nn.Module, dict, list, tuple)))
    found: dict[int, nn.Module] = {}
    for thing in _within_reach([loss_fn, *listed]):
        if isinstance(thing, nn.Module):
            beside = [part for part in thing.modules() if not _holds(part, model)]
            found |= {id(part): part for part in beside if id(part) not in own}
    return list(found.values())


def reaches(roots: Iterable[object], own: set[int]) -> bool:
    """Whether something can name one of some tensors and modules, or more than can be looked at.

    Args:
        roots: Functions and objects.
        own: The tensors and modules, by their ``id``.
    """
    looked_at = 0
    for thing in _within_reach(roots):
        looked_at += 1
        if id(thing) in own:
            return True
        if isinstance(thing, nn.Module) and any(id(part) in own for part in thing.modules()):
            return True
    return looked_at >= _MOST


def _within_reach(roots: Iterable[object]) -> Iterable[object]:
    seen: set[int] = set()
    left = list(roots)
    while left and len(seen) < _MOST:
        thing = left.pop()
        if id(thing) not in seen:
            seen.add(id(thing))
            yield thing
            if not isinstance(thing, nn.Module):
                left += _named_by(thing)


def _holds(part: nn.Module, model: nn.Module) -> bool:
    """Whether a module is what surrounds the model, or what compiles another."""
    compiles = (
        "_orig_mod" in vars(part)["_modules"]
    )  # not hasattr: a module may answer to every name
    return compiles or any(inner is model for inner in part.modules())


def _named_by(thing: object) -> list[Any]:
    """What an object can name in turn.

    Of a function that is everything; of another object, that a function names, only modules,
    functions, tensors and containers: the search ends somewhere.
    """
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, FunctionType):
        closed = [cell.cell_contents for cell in thing.__closure__ or () if is_full(cell)]
        named = [value for _, value in named_globals(thing)]
        given = [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        return [*closed, *named, *given]
    return [value for value in _values(thing) if isinstance(value, FOLLOWED)]


def _values(thing: Any) -> Iterable[Any]:
    if isinstance(thing, dict):
        return cast("dict[Any, Any]", thing).values()
    if isinstance(thing, (list, tuple)):
        return cast("Iterable[Any]", thing)
    if isinstance(thing, (type, ModuleType, Tensor)):
        return ()
    return getattr(thing, "__dict__", {}).values()
