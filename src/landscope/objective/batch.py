"""A batch: inputs and targets in whatever nest of tensors, and how a model is called with it."""

import copy
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Set
from enum import Enum
from types import FunctionType, MappingProxyType, MemberDescriptorType, ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.objective.substitution import bare


class InBatch(Enum):
    """Stands for targets that lie in the batch, wherever only the loss function knows."""

    IN_BATCH = "in the batch"

    def __repr__(self) -> str:
        return self.name


IN_BATCH = InBatch.IN_BATCH

_DEEPEST = 8  # levels of a batch that are looked through
_PLAIN = (str, bytes, int, float, complex, type, FunctionType, ModuleType, type(None), Enum)
_ENDS = (Tensor, nn.Module, torch.Generator)  # what is not looked into
_NESTS = (list, tuple, deque, Set)
_BUILT_IN = (dict, list, tuple, set, frozenset, deque, np.ndarray)


def tensors_of(tree: Any) -> Generator[Tensor]:
    """The tensors of a batch, whatever nest of mappings, sequences and objects they lie in.

    Each once, in the order in which they are found.
    """
    for part in _parts_of(tree, _DEEPEST, {}):
        if isinstance(part, Tensor):
            yield part


def _parts_of(tree: Any, depth: int, seen: dict[int, Any]) -> Generator[Any]:
    """What a batch holds, the whole first, each once: an object may hold itself."""
    if isinstance(tree, _PLAIN) or id(tree) in seen:
        return
    seen[id(tree)] = tree
    yield tree
    if depth and not isinstance(tree, _ENDS):
        for part in _inside(tree):
            yield from _parts_of(part, depth - 1, seen)


def _inside(tree: Any) -> Generator[Any]:
    """What an object holds: as a container, in its attributes and in its slots."""
    if isinstance(tree, Mapping):
        yield from cast("Mapping[Any, Any]", tree).values()
    elif isinstance(tree, _NESTS):
        yield from cast("list[Any]", tree)
    if type(tree) in _BUILT_IN:
        return
    attributes = getattr(tree, "__dict__", None)
    if isinstance(attributes, dict):
        yield from cast("dict[str, Any]", attributes).values()
    for kind in type(tree).__mro__:
        for slot in vars(kind).values():
            if isinstance(slot, MemberDescriptorType):
                try:
                    yield slot.__get__(tree)
                except AttributeError:  # the slot is empty
                    continue


def samples_of(batch: Any, dimension: int = 0) -> int:
    """Samples in a batch: the length of the first tensor that has the dimension; 1 without any.

    Args:
        batch: The batch.
        dimension: Along which samples lie.
    """
    return next((t.shape[dimension] for t in tensors_of(batch) if t.ndim > dimension), 1)


def copied(batch: Any) -> Any:
    """A batch with copies of its tensors and of what holds them: a model may write on them.

    Modules are shared, and so is what does not let itself be copied and holds no tensor.

    Raises:
        UsageError: An object with tensors, or an iterator, does not let itself be copied.
    """
    if isinstance(batch, Tensor):
        return _tensor(batch)
    parts = list(_parts_of(batch, _DEEPEST, {}))
    memo = _memo(parts)
    try:
        return copy.deepcopy(batch, dict(memo))
    except Exception:  # whatever a class of the user's says
        # From the inside out: what holds an object that cannot be copied cannot be copied either.
        for part in reversed(parts):
            if id(part) not in memo:
                _copy_otherwise(part, memo)
        return copy.deepcopy(batch, memo)


def _memo(parts: list[Any]) -> dict[int, Any]:
    """What stands in a deep copy for parts that it would copy otherwise, or not at all."""
    memo: dict[int, Any] = {}
    for part in parts:
        if isinstance(part, Tensor):
            memo[id(part)] = _tensor(part)
        elif isinstance(part, torch.Generator):
            memo[id(part)] = part.clone_state()
        elif isinstance(part, nn.Module):
            memo[id(part)] = part
    return memo


def _copy_otherwise(part: Any, memo: dict[int, Any]) -> None:
    """Note what stands in a deep copy for a part that does not let itself be copied.

    Raises:
        UsageError: There is nothing, and a pass may write on it.
    """
    if isinstance(part, MappingProxyType):
        held = dict(cast("MappingProxyType[Any, Any]", part))
        memo[id(part)] = MappingProxyType(copy.deepcopy(held, memo))
        return
    try:
        copy.deepcopy(part, dict(memo))
    except Exception as error:
        memo[id(part)] = part
        with_tensors = next(tensors_of(part), None) is not None
        if not with_tensors and not isinstance(part, (Iterator, np.ndarray)):
            return
        try:
            made = bare(type(part))
            vars(made).update(copy.deepcopy(vars(part), dict(memo)))
        except Exception:
            raise UsageError(
                f"the batch has a {type(part).__name__} that cannot be copied "
                f"({type(error).__name__}: {str(error).partition(chr(10))[0]})",
                "a measurement runs on copies of a batch, for a model may write on it or use it up",
                "give its tensors, in a tuple, a list or a dict",
            ) from error
        memo[id(part)] = made


def _tensor(tensor: Tensor) -> Tensor:
    made = tensor.detach().clone()
    return made.requires_grad_() if tensor.requires_grad else made


def brought_up_to_date(copy: Any, tensors: Iterable[Tensor]) -> None:
    """Write what the tensors of a batch hold by now on those of a copy that :func:`copied` gave.

    What has been taken out of the batch or put into it meanwhile, as a loss may take its labels out
    of a dictionary, does not matter.

    Args:
        copy: The copy.
        tensors: Those of the batch, as they were found when it was copied.
    """
    with torch.no_grad():
        for old, new in zip(tensors_of(copy), tensors, strict=True):
            if old.shape == new.shape:
                old.copy_(new)


def arguments_of(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """How a model is called with inputs: by keyword with a mapping, else by position.

    A plain tuple holds several arguments. A named tuple, as a ``PackedSequence``, is one.
    """
    if isinstance(inputs, Mapping):
        return (), dict(cast("Mapping[str, Any]", inputs))
    return (cast("tuple[Any, ...]", inputs) if type(inputs) is tuple else (inputs,)), {}
