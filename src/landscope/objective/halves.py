"""A batch in two halves, each an objective of its own: what the size of the batch does to it.

A loss under batch norm is no mean over samples, so there is no gradient of one sample in it. A
smaller batch is therefore made by running fewer samples, and not by leaving some out of a mean.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from enum import Enum
from types import NoneType
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from landscope.errors import UsageError
from landscope.objective.batch import copied
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters

_DECLARE = "say samples='dependent' where no part of it is a batch"
_PLAIN = (NoneType, bool, int, float, complex, str, bytes, Enum, torch.dtype, torch.device)


def halves(objective: Objective) -> tuple[tuple[int, Objective], tuple[int, Objective]]:
    """The first and the second half of a batch, each with its number of samples.

    Each is run as a batch of its own, from the same buffers and random streams as the whole. Of an
    odd number the second half has one more. Samples are taken as they come: a batch is taken to be
    drawn at random, and its order to mean nothing.

    Args:
        objective: The whole batch's. Each tensor in it has one entry for each sample along the
            objective's ``batch_dim``, or along its last dimension where it has fewer; tensors
            without dimensions and single values belong to both halves.

    Raises:
        UsageError: There are fewer than two samples, the loss couples them, or the batch has a
            part of which it is not known what half of it is.
    """
    if objective.samples == "dependent":
        raise UsageError(
            "samples = 'dependent'",
            "of half a batch there is another loss where it couples samples",
            "leave out what is measured in halves",
        )
    batch = (objective.inputs, objective.targets)
    samples = _samples(batch, objective.batch_dim)
    middle = samples // 2

    def part(start: int, stop: int) -> tuple[int, Objective]:
        def cut(tensor: Tensor) -> Tensor:
            return tensor.narrow(_along(tensor, objective.batch_dim), start, stop - start)

        inputs, targets = _mapped(batch, cut)
        return stop - start, replace(objective, inputs=inputs, targets=targets)

    return part(0, middle), part(middle, samples)


def adds_up(objective: Objective, point: Parameters, whole: float, halved: float) -> bool:
    """Whether a loss is a sum over samples and not a mean.

    Half of a sum may be the loss of a mean's halves by chance. So where it looks like one, half the
    batch is run twice over in one: a mean stays as it is, under batch norm too, and a sum doubles.

    Args:
        objective: The whole batch's.
        point: Where.
        whole: The loss there.
        halved: The mean loss of the halves.
    """
    if not _nearer_to_half(whole, halved):
        return False
    (_, half), _ = halves(objective)

    def twice(tensor: Tensor) -> Tensor:
        return torch.cat([tensor, tensor], _along(tensor, objective.batch_dim))

    inputs, targets = _mapped((half.inputs, half.targets), twice)
    with torch.no_grad():
        once = float(half.loss(point))
        doubled = float(replace(half, inputs=inputs, targets=targets).loss(point))
    return _nearer_to_half(doubled, once)


def in_words(error: Exception) -> str:
    """Why half of a batch does not pass; of an error that says little alone, with its type."""
    usual = isinstance(error, (ValueError, RuntimeError))
    return str(error) if usual else f"{type(error).__name__}: {error}"


def _nearer_to_half(whole: float, part: float) -> bool:
    return abs(part - whole / 2) < abs(part - whole)


def _along(tensor: Tensor, batch_dim: int) -> int:
    """Along which dimension of a tensor samples lie: targets may have no time."""
    return min(batch_dim, tensor.ndim - 1)


def _samples(batch: Any, batch_dim: int) -> int:
    """Samples in each tensor that has a dimension."""
    where = "their first dimension" if batch_dim == 0 else f"their dimension {batch_dim}"
    found: int | None = None
    leaves = _leaves(batch)
    for leaf in leaves:
        if not isinstance(leaf, Tensor) or leaf.ndim == 0:
            continue
        if leaf.layout != torch.strided or leaf.is_nested:
            raise _uncuttable(
                f"a tensor of layout {leaf.layout}", f"give it densely; or {_DECLARE}"
            )
        length = leaf.shape[_along(leaf, batch_dim)]
        if found is not None and length != found:
            raise _uncuttable(
                f"tensors with {found} and with {length} entries in {where}",
                "put the samples in that dimension of each, or give another batch_dim, and what is "
                f"no sample's own into the model or the loss function; or {_DECLARE}",
            )
        found = length
    if found is None or found < 2:
        raise _uncuttable(
            "one sample" if found else f"no tensor with samples in {where.replace('their', 'its')}",
            "give a batch of at least two samples",
        )
    for leaf in leaves:
        if isinstance(leaf, (list, tuple)) and len(leaf) == found:
            raise _uncuttable(
                f"{found} samples, and a {type(leaf).__name__} with as many values of its own",
                "make a tensor of it, or put it into the loss function where it is no sample's own",
            )
    return found


def _leaves(tree: Any) -> list[Any]:
    """What a batch holds, whatever nest it lies in; refuses what may hold samples unseen."""
    found: list[Any] = []
    for leaf in tree_flatten(tree, is_leaf=_of_values)[0]:
        if isinstance(leaf, Mapping):  # one that torch does not know, as a tokeniser's
            found += _leaves(dict(leaf))
        elif isinstance(leaf, (Tensor, *_PLAIN)) or _of_values(leaf):
            found.append(leaf)
        else:
            raise _uncuttable(
                f"a {type(leaf).__name__}", "give its tensors, in a tuple, a list or a dict"
            )
    return found


def _of_values(tree: Any) -> bool:
    """Whether it is a list of numbers or words, of which one may belong to each sample."""
    return (
        isinstance(tree, (list, tuple))
        and len(tree) > 1
        and all(isinstance(value, (bool, int, float, complex, str, bytes)) for value in tree)
    )


def _mapped(tree: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """A batch with each tensor that has samples changed."""

    def of_leaf(leaf: Any) -> Any:
        if isinstance(leaf, Tensor):
            return function(leaf) if leaf.ndim else leaf
        if isinstance(leaf, Mapping):
            values = {key: _mapped(value, function) for key, value in leaf.items()}
            if not isinstance(leaf, MutableMapping):
                return values
            written = copied(leaf)  # not copy.copy, which may share what holds the values
            written.update(values)
            return written
        return leaf

    leaves, structure = tree_flatten(tree)
    return tree_unflatten([of_leaf(leaf) for leaf in leaves], structure)


def _uncuttable(value: str, remedy: str) -> UsageError:
    return UsageError(f"the batch has {value}", "it is measured in halves", remedy)
