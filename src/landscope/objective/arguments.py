"""The arguments and results of torch functions: the tensors in them, and places for tensors.

Tensors may lie in tuples, lists, dicts and slices, as torch functions take and give them. What is
here runs for each operation of each pass, so most of it avoids calls for what lies at the top.
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


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call, with places for its tensors.

    Args:
        values: The positional ones, then those by keyword; None where something is to be put.
        keywords: Names of the last of them.
        places: Position and slot of each tensor at the top.
        nests: Position of each nest that holds tensors, and the nest with :class:`Slot` in it.
    """

    values: tuple[Any, ...]
    keywords: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    nests: tuple[tuple[int, Any], ...]

    @classmethod
    def of(
        cls, args: tuple[Any, ...], kwargs: dict[str, Any], slot_of: Callable[[Tensor], int]
    ) -> "Arguments":
        """The arguments of a call that was seen."""
        values: list[Any] = [*args, *kwargs.values()]
        places: list[tuple[int, int]] = []
        nests: list[tuple[int, Any]] = []
        for position, value in enumerate(values):
            if isinstance(value, Tensor):
                places.append((position, slot_of(value)))
            elif isinstance(value, _NESTS) and tensors_in(value):
                nests.append((position, _mapped(value, Tensor, lambda t: Slot(slot_of(t)))))
        for position, _ in (*places, *nests):
            values[position] = None
        return cls(tuple(values), tuple(kwargs), tuple(places), tuple(nests))

    def call(self, func: Callable[..., Any], tensors: Sequence[Tensor | None]) -> Any:
        """Call a function with the tensors in their places."""
        values = list(self.values)
        for position, slot in self.places:
            values[position] = tensors[slot]
        for position, nest in self.nests:
            values[position] = _mapped(nest, Slot, lambda slot: tensors[slot.index])
        if not self.keywords:
            return func(*values)
        first = len(values) - len(self.keywords)
        return func(*values[:first], **dict(zip(self.keywords, values[first:], strict=True)))


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors in the arguments or the result of a torch function, in order."""
    found: list[Tensor] = []
    _collect((tree,), found)
    return found


def _collect(leaves: Any, found: list[Tensor]) -> None:
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
    leaves = [_mapped(leaf, kind, change) for leaf in _inside(tree)]
    if isinstance(tree, dict):
        return dict(zip(tree, leaves, strict=True))
    if isinstance(tree, slice):
        return slice(*leaves)
    return leaves if isinstance(tree, list) else tuple(leaves)


def _inside(nest: Any) -> Any:
    if isinstance(nest, dict):
        return nest.values()
    return (nest.start, nest.stop, nest.step) if isinstance(nest, slice) else nest
