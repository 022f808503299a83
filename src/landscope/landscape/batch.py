"""A batch: inputs and targets in whatever nest of tensors, and how a model is called with it."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from types import FunctionType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map


class InBatch(Enum):
    """Stands for targets that lie in the batch, wherever only the loss function knows."""

    IN_BATCH = "in the batch"

    def __repr__(self) -> str:
        return self.name


IN_BATCH = InBatch.IN_BATCH


_DEEPEST = 8  # levels of a batch that are looked through: an object may hold itself


def tensors_of(tree: Any, depth: int = _DEEPEST) -> Iterator[Tensor]:
    """The tensors of a batch, whatever nest of mappings, sequences and objects they lie in.

    Args:
        tree: The batch.
        depth: Levels that are looked through.
    """
    if isinstance(tree, Tensor):
        yield tree
    elif depth:
        for leaf in _inside(tree):
            yield from tensors_of(leaf, depth - 1)


def _inside(tree: Any) -> Iterable[Any]:
    if isinstance(tree, Mapping):
        return cast("Mapping[Any, Any]", tree).values()
    if isinstance(tree, (list, tuple)):
        return cast("Iterable[Any]", tree)
    if isinstance(tree, (type, FunctionType, nn.Module)):
        return ()
    return getattr(tree, "__dict__", {}).values()


def samples_of(batch: Any) -> int:
    """Samples in a batch: the length of the first tensor that has a dimension; 1 without any."""
    return next((len(tensor) for tensor in tensors_of(batch) if tensor.ndim), 1)


def copied(batch: Any) -> Any:
    """A batch with copies of its tensors: a model may write on them.

    An object of a class with tensors is copied whole, or shared where it does not let itself be.
    """
    return tree_map(_copy, batch)


def _copy(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        made = leaf.detach().clone()
        return made.requires_grad_() if leaf.requires_grad else made
    if next(tensors_of(leaf), None) is None:
        return leaf
    try:
        return copy.deepcopy(leaf)
    except Exception:  # whatever the class of a batch says, it is no reason not to measure
        return leaf


def brought_up_to_date(copy: Any, batch: Any) -> None:
    """Write what the tensors of a batch hold by now on those of a copy that :func:`copied` gave.

    What has been taken out of the batch or put into it meanwhile, as a loss may take its labels out
    of a dictionary, does not matter.

    Args:
        copy: The copy.
        batch: The leaves of the batch, as they were found when it was copied.
    """
    with torch.no_grad():
        for old, new in zip(tree_leaves(copy), batch, strict=True):
            if isinstance(old, Tensor) and isinstance(new, Tensor) and old.shape == new.shape:
                old.copy_(new)


def arguments_of(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """How a model is called with inputs: by keyword with a mapping, else by position."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (inputs if isinstance(inputs, tuple) else (inputs,)), {}
