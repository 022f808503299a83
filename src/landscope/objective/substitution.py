"""Values with some tensors and modules replaced by others, wherever in them these are held.

A container, a function or an object that holds none of them is given back as it is.
"""

import copy
import random
from collections import OrderedDict, deque
from collections.abc import Generator, Iterable
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

_CONTAINERS = (dict, list, set, deque)
_WRITTEN_ON = (np.ndarray, np.random.Generator, np.random.RandomState, random.Random)
_DEPTH = 3  # levels of containers
_CALLS = 8  # functions and objects that lead to one another

PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device))
"""Classes of values that nothing can be written on."""

_DISTRIBUTING = (nn.parallel.DistributedDataParallel, nn.DataParallel)

FOLLOWED = (nn.Module, FunctionType, MethodType, partial, dict, list, tuple, Tensor)
"""What is followed within an object or a container; what a function names is followed whatever it
is. So a search through what a function can name ends somewhere."""


class Substitution:
    """Replaces tensors and modules, which it knows by their identity.

    Args:
        replacements: What takes the place of each, by its ``id``. It grows by what is made on the
            way, so that what is one object in two places stays one.
    """

    def __init__(self, replacements: dict[int, Any]) -> None:
        self.replacements = replacements
        self._kept: list[Any] = []  # an id is that of an object only as long as this lives

    def copied(self, value: Any, depth: int = _DEPTH) -> Any:
        """A value that may be written on: its containers, tensors and generators are copies.

        Args:
            value: An attribute of a module.
            depth: So many levels of containers are copied; what lies deeper is shared.
        """
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in (dict, OrderedDict):  # what modules are made of: quicker than what is below
            if not value:
                return kind()
            deeper = depth - 1
            return (
                value if not depth else kind((k, self.copied(v, deeper)) for k, v in value.items())
            )
        if id(value) in self.replacements:
            return self.replacements[id(value)]
        if isinstance(value, Tensor):
            self._keep(value, _copied(value))
            return self.replacements[id(value)]
        if isinstance(value, torch.Generator):
            return value.clone_state()
        if isinstance(value, _WRITTEN_ON):
            return copy.deepcopy(value)
        if isinstance(value, (MethodType, FunctionType, partial)):
            return self.called(value)
        if depth == 0 or not isinstance(value, (*_CONTAINERS, tuple)):
            return value
        return _rebuilt(value, lambda item: self.copied(item, depth - 1))

    def called(self, value: Any, depth: int = _CALLS) -> Any:
        """What is called, as a loss or a hook, with the replacements in what it can name.

        What it holds besides is shared: only a module's own state is known to be written on.

        Args:
            value: A function, method, partial, module or other object, or what one of them names.
            depth: So many of them are followed from one to the next.
        """
        if type(value) in PLAIN:
            return value
        if id(value) in self.replacements:
            return self.replacements[id(value)]
        if depth == 0 or isinstance(value, (Tensor, type, ModuleType)):
            return value
        made: Any = value
        if isinstance(value, _DISTRIBUTING):
            # It would take part in the training's own communication.
            return self.called(value.module, depth - 1)
        if isinstance(value, FunctionType):
            made = self._function(value, depth - 1)
        elif isinstance(value, MethodType):
            owner = self.called(value.__self__, depth - 1)
            made = value if owner is value.__self__ else MethodType(value.__func__, owner)
        elif isinstance(value, partial):
            parts = (value.func, value.args, value.keywords)
            func, args, keywords = (self.called(part, depth - 1) for part in parts)
            if func is not parts[0] or args is not parts[1] or keywords is not parts[2]:
                made = partial(func, *args, **keywords)
        elif isinstance(value, (tuple, list, dict)):
            made = _rebuilt(value, lambda item: self._held(item, depth - 1))
            made = value if _same(made, value) else made
        elif isinstance(getattr(value, "__dict__", None), dict):
            made = self._object(value, depth - 1)
        else:
            return value
        self._keep(value, made)
        return made

    def _held(self, value: Any, depth: int) -> Any:
        return self.called(value, depth) if isinstance(value, FOLLOWED) else value

    def _function(self, function: FunctionType, depth: int) -> FunctionType:
        self.replacements[id(function)] = function  # it may name itself
        cells = [cell for cell in function.__closure__ or () if is_full(cell)]
        inside = {id(cell): self.called(cell.cell_contents, depth) for cell in cells}
        outside = {name: self.called(value, depth) for name, value in named_globals(function)}
        defaults = self.called(function.__defaults__, depth)
        keywords = self.called(function.__kwdefaults__, depth)
        changed = {
            name: value
            for name, value in outside.items()
            if value is not function.__globals__[name]
        }
        if (
            not changed
            and all(inside[id(cell)] is cell.cell_contents for cell in cells)
            and defaults is function.__defaults__
            and keywords is function.__kwdefaults__
        ):
            return function
        made = FunctionType(
            function.__code__,
            {**function.__globals__, **changed} if changed else function.__globals__,
            function.__name__,
            defaults,
            tuple(
                CellType(inside[id(cell)]) if id(cell) in inside else cell
                for cell in function.__closure__ or ()
            ),
        )
        made.__kwdefaults__ = keywords
        made.__dict__.update(function.__dict__)
        return made

    def _object(self, value: Any, depth: int) -> Any:
        """A shallow copy, if it holds what is replaced and lets itself be copied."""
        self.replacements[id(value)] = value
        own = vars(value)
        mapped = {name: self._held(held, depth) for name, held in own.items()}
        if all(mapped[name] is held for name, held in own.items()):
            return value
        try:
            made = bare(type(value))
        except TypeError:
            return value
        vars(made).update(mapped)
        return made

    def _keep(self, value: Any, made: Any) -> None:
        self._kept.append(value)
        self.replacements[id(value)] = made


def bare(kind: type) -> Any:
    """An instance of a class without anything in it; its constructor is not called.

    Raises:
        TypeError: The class keeps its state elsewhere than in ``__dict__``.
    """
    if any(vars(base).get("__slots__") for base in kind.__mro__):
        raise TypeError(f"{kind.__name__} has slots")
    return object.__new__(kind)


def named_globals(function: FunctionType) -> Iterable[tuple[str, Any]]:
    """The global variables that a function names, or one that is defined within it."""
    if (function.__module__ or "").startswith(("torch.", "landscope.")):
        return  # which may wrap a loss of the user's in their closures
    own = function.__globals__
    for name in dict.fromkeys(_names(function.__code__)):
        if name in own:
            yield name, own[name]


def is_full(cell: Any) -> bool:
    """Whether a variable of a closure has a value yet."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _names(code: CodeType) -> Generator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _rebuilt(value: Any, replaced: Any) -> Any:
    """A copy of a container with its items replaced; a tuple of which none is, itself."""
    if isinstance(value, tuple):
        given = cast("tuple[Any, ...]", value)
        items = [replaced(item) for item in given]
        if all(new is old for new, old in zip(items, given, strict=True)):
            return given
        return type(given)(*items) if hasattr(given, "_fields") else type(given)(items)
    written = copy.copy(value)
    if isinstance(written, (list, deque)):
        for index, item in enumerate(written):
            written[index] = replaced(item)
    if isinstance(written, dict):
        for key, item in written.items():
            written[key] = replaced(item)
    return written


def _same(first: Any, second: Any) -> bool:
    """Whether two containers of one length hold the same objects."""
    if isinstance(first, dict):
        return all(first[key] is value for key, value in second.items())
    return all(one is other for one, other in zip(first, second, strict=True))


def _copied(tensor: Tensor) -> Tensor:
    # Without its past: that of an earlier pass can be gone through only once.
    return tensor.detach().clone().requires_grad_(tensor.requires_grad and tensor.is_leaf)
