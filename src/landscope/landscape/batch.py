"""A batch: inputs and targets in whatever nest of tensors, and how a model is called with it."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_map_only


class InBatch(Enum):
    """Stands for targets that lie in the batch, wherever only the loss function knows."""

    IN_BATCH = "in the batch"

    def __repr__(self) -> str:
        return self.name


IN_BATCH = InBatch.IN_BATCH


def tensors_of(tree: Any) -> Iterator[Tensor]:
    """The tensors of a batch, whatever nest of mappings, lists and tuples they lie in."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for leaf in tree.values():
            yield from tensors_of(leaf)
    elif isinstance(tree, (list, tuple)):
        for leaf in tree:
            yield from tensors_of(leaf)


def samples_of(batch: Any) -> int:
    """Samples in a batch: the length of the first tensor that has a dimension; 1 without any."""
    return next((len(tensor) for tensor in tensors_of(batch) if tensor.ndim), 1)


def copied(batch: Any) -> Any:
    """A batch with copies of its tensors: a model may write on them."""
    return tree_map_only(Tensor, _copy, batch)


def _copy(tensor: Tensor) -> Tensor:
    copy = tensor.detach().clone()
    return copy.requires_grad_() if tensor.requires_grad else copy


def arguments_of(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """How a model is called with inputs: by keyword with a mapping, else by position."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (inputs if isinstance(inputs, tuple) else (inputs,)), {}
