"""The distances between pairs of gradients, in as few operations as possible.

A deep network of small layers has many short gradients, whose cost is not their arithmetic but the
number of operations. A wide layer has a long gradient, of which no float64 copy should be held. So
short ones are joined, and long ones are processed piece by piece, with no intermediate result but
their difference.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from landscope.objective.parameters import Parameters, in_pieces, real, wide

_SHORT = 2**14
_TOGETHER = 2**15


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two vectors a and b, by four numbers.

    Args:
        distance: ``||a - b||``.
        first: ``||a||``.
        second: ``||b||``.
        product: ``<a, b>``.
    """

    distance: float
    first: float
    second: float
    product: float

    @property
    def cosine(self) -> float:
        """Cosine of the angle between the two, in [-1, 1]; NaN where either vanishes."""
        if not self.first * self.second:
            return math.nan
        if self.distance == 0:
            # Sums over equal vectors may round differently, depending on their place in memory.
            return 1.0
        cosine = self.product / (self.first * self.second)
        # Rounding must not put a cosine beyond 1; NaN compares as false and stays.
        return math.copysign(1.0, cosine) if abs(cosine) > 1 else cosine


class Comparisons:
    """Pairs of vectors to compare, without waiting for the device until the end."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._waiting = 0
        self._rows: list[Tensor] = []

    def add(self, first: Parameters, second: Parameters) -> None:
        """Compare two vectors, over the names of the second."""
        entries = sum(tensor.numel() for tensor in second.values())
        if entries > _SHORT:
            self._flush()
            pieces = _long(first, second)
            self._rows.append(torch.stack([_products(*piece) for piece in pieces]).sum(0))
            return
        self._pairs.append((_flat([first[name] for name in second]), _flat(list(second.values()))))
        self._waiting += len(self._pairs[-1][0])
        if self._waiting > _TOGETHER:
            self._flush()

    def results(self, *losses: Tensor) -> tuple[list[Comparison], list[float]]:
        """The comparisons in the order added, and some scalars, in one copy to the host."""
        self._flush()
        scalars = [loss.to(self._rows[0]).reshape(1) for loss in losses]
        numbers = torch.cat([*self._rows, *scalars]).tolist()
        end = 4 * len(self._rows)
        rows = (numbers[start : start + 4] for start in range(0, end, 4))
        compared = [Comparison(math.sqrt(d), math.sqrt(a), math.sqrt(b), p) for d, a, b, p in rows]
        return compared, numbers[end:]

    def _flush(self) -> None:
        if not self._pairs:
            return
        first, second = (_flat(list(vectors)) for vectors in zip(*self._pairs, strict=True))
        sizes = [len(vector) for vector, _ in self._pairs]
        self._rows.extend(part.sum(1) for part in _terms(first, second).split(sizes, dim=1))
        self._pairs, self._waiting = [], 0


def compared(first: Parameters, second: Parameters) -> Comparison:
    """Two vectors, over the names of the second."""
    comparisons = Comparisons()
    comparisons.add(first, second)
    return comparisons.results()[0][0]


def _long(first: Parameters, second: Parameters) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of two vectors: the long tensors as they are, the short ones joined."""
    short = [name for name, tensor in second.items() if tensor.numel() <= _SHORT]
    for name in (name for name in second if name not in set(short)):
        yield from zip(in_pieces(first[name]), in_pieces(second[name]), strict=True)
    if short:
        joined = (_flat([vector[name] for name in short]) for vector in (first, second))
        yield from zip(*map(in_pieces, joined), strict=True)


def _flat(tensors: list[Tensor]) -> Tensor:
    vectors = [real(tensor).reshape(-1) for tensor in tensors]
    return vectors[0] if len(vectors) == 1 else torch.cat(vectors)


def _products(first: Tensor, second: Tensor) -> Tensor:
    """The three squares and the product, (4,), of vectors that are long."""
    first, second = wide(first), wide(second)
    difference = first - second
    pairs = (difference, difference), (first, first), (second, second), (first, second)
    return torch.stack([torch.dot(*pair) for pair in pairs])


def _terms(first: Tensor, second: Tensor) -> Tensor:
    """What the squares and the product are the sums of, (4, entries)."""
    first, second = wide(first), wide(second)
    difference = first - second
    return torch.stack([difference, first, second, first]) * torch.stack(
        [difference, first, second, second]
    )
