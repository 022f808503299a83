"""Lemma 4.5 of Santurkar et al. 2018: batch norm puts an optimum nearer to the start.

A network with batch norm computes the same for ``c W`` as for ``W``, c > 0. So if W* is an optimum
of the plain network, every ``c W*`` is one of the network with batch norm, and the nearest to a
start W_0 with ``<W_0, W*> > 0`` is the projection on that ray:

    ||W_0 - W_hat*||^2 <= ||W_0 - W*||^2 - (||W*||^2 - <W*, W_0>)^2 / ||W*||^2.

Over the ray alone this is an equality. Batch norm allows more: each row of W has a scale of its
own, and the nearest optimum over all of them is nearer still.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Matrix = Float[Tensor, "rows columns"]


@dataclass(frozen=True)
class NearestOptimum:
    """Both sides of Lemma 4.5 for one weight matrix.

    Args:
        inner: ``<W_0, W*>``; the lemma speaks only where it is positive.
        left_by_scale: ``||W_0 - c W*||^2`` at the best c > 0: the lemma's left side.
        left_by_row: The same with a scale for each row, as batch norm allows.
        right: The lemma's right side.
        plain: ``||W_0 - W*||^2``, without batch norm.
    """

    inner: float
    left_by_scale: float
    left_by_row: float
    right: float
    plain: float


def nearest_optimum(start: Matrix, optimum: Matrix) -> NearestOptimum:
    """Both sides of Lemma 4.5, measured in float64."""
    start, optimum = start.double(), optimum.double()
    inner, square = (start * optimum).sum(), optimum.square().sum()
    plain = (start - optimum).square().sum()
    scale = (inner / square).clamp_min(0)
    # A row of zeros in the optimum is zero at every scale.
    squares = optimum.square().sum(1)
    rows = ((start * optimum).sum(1) / squares.where(squares > 0, 1.0)).clamp_min(0)
    return NearestOptimum(
        inner=inner.item(),
        left_by_scale=(start - scale * optimum).square().sum().item(),
        left_by_row=(start - rows[:, None] * optimum).square().sum().item(),
        right=(plain - (square - inner).square() / square).item(),
        plain=plain.item(),
    )


def aligned_factors(target: Matrix, starts: Sequence[Matrix]) -> list[Matrix]:
    """An exact optimum of a deep linear network: factors whose product is ``target``.

    ``F_k ... F_1 = target`` has a continuum of solutions. This one is balanced, every factor with
    the k-th roots of the target's singular values, and turned towards the start: each factor's
    rotation is the one that maximises its inner product with the start (orthogonal Procrustes,
    Schoenemann 1966), going from the first to the last.

    Args:
        target: The square matrix A.
        starts: W_1 to W_k, the first applied first, all of the shape of the target.

    Returns:
        F_1 to F_k, in float64.
    """
    left, values, right = torch.linalg.svd(target.double())
    root = torch.diag(values.pow(1 / len(starts)))
    factors: list[Tensor] = []
    incoming = right
    for position, start in enumerate(starts):
        if position == len(starts) - 1:
            factors.append(left @ root @ incoming)
            break
        unturned = root @ incoming
        p, _, q = torch.linalg.svd(start.double() @ unturned.T)
        turn = p @ q
        factors.append(turn @ unturned)
        incoming = turn.T
    return factors
