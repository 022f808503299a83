"""Lemma 4.5 of Santurkar et al. (2018): how far the start is from the nearest optimum.

If W* is an optimum of a network whose loss does not see the scale of W, then so is every c W*
with c > 0. If <W_0, W*> > 0, then the nearest of them, W_hat, has

    |W_0 - W_hat|^2 <= |W_0 - W*|^2 - (|W*|^2 - <W*, W_0>)^2 / |W*|^2.

Batch norm is blind to more: to the scale of every row of W (every unit) on its own. The
family of optima is then larger, and the nearest is at least as near. Both are non-negative least
squares, and are solved as such.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls


@dataclass
class Lemma:
    left: float
    left_by_row: float
    right: float
    inner: float


def nearest_optimum(start, optimum):
    """Both sides of the lemma for matrices `start` (W_0) and `optimum` (W*), (rows, columns)."""
    w0 = np.asarray(start, dtype=np.float64)
    w = np.asarray(optimum, dtype=np.float64)
    inner = np.sum(w0 * w)
    size = np.sum(w**2)
    _, distance = nnls(w.reshape(-1, 1), w0.ravel())
    rows = np.zeros((w.size, w.shape[0]))
    for i in range(w.shape[0]):
        one_row = np.zeros_like(w)
        one_row[i] = w[i]
        rows[:, i] = one_row.ravel()
    _, distance_by_row = nnls(rows, w0.ravel())
    return Lemma(
        left=distance**2,
        left_by_row=distance_by_row**2,
        right=np.sum((w0 - w) ** 2) - (size - inner) ** 2 / size,
        inner=inner,
    )
