"""The arguments and results of torch functions: the tensors in them, and places for tensors.

Tensors may lie in tuples, lists, dicts and slices, as torch functions take and give them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

_NESTS = (tuple, list, dict, slice)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one tensor of a pass.

    Args:
        index: Number of the place, counted in the order in which the pass first met the tensors.
    """

    index: int


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors in the arguments or the result of a torch function, in order."""
    found: list[Tensor] = []
    _collect((tree,), found)
    return found


def with_slots(tree: Any, slot_of: Callable[[Tensor], int]) -> Any:
    """The same arguments with a :class:`Slot` for each tensor."""
    return _mapped(tree, Tensor, lambda tensor: Slot(slot_of(tensor)))


def filled(tree: Any, tensors: Sequence[Tensor | None]) -> Any:
    """The same arguments with the tensor for each slot."""
    return _mapped(tree, Slot, lambda slot: tensors[slot.index])


def _collect(leaves: Any, found: list[Tensor]) -> None:
    # These run for each operation of each pass, so no call is spent on a leaf.
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            found.append(leaf)
        elif isinstance(leaf, _NESTS):
            _collect(_inside(leaf), found)


def _mapped(tree: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    if isinstance(tree, kind):
        return change(tree)
    if not isinstance(tree, _NESTS):
        return tree
    leaves = [
        change(leaf)
        if isinstance(leaf, kind)
        else _mapped(leaf, kind, change)
        if isinstance(leaf, _NESTS)
        else leaf
        for leaf in _inside(tree)
    ]
    if isinstance(tree, dict):
        return dict(zip(tree, leaves, strict=True))
    if isinstance(tree, slice):
        return slice(*leaves)
    return leaves if isinstance(tree, list) else tuple(leaves)


def _inside(nest: Any) -> Any:
    if isinstance(nest, dict):
        return nest.values()
    return (nest.start, nest.stop, nest.step) if isinstance(nest, slice) else nest
