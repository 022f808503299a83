"""The norms' formulas by loops over features and samples, in float64 numpy; slow and dense.

Each takes ``values`` of shape (batch, features, *space), ``gain`` and ``shift`` of shape
(features,), and gives the outputs in training mode.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def batch(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    outputs = np.empty_like(values)
    for j in range(values.shape[1]):
        y = values[:, j]
        mu = y.sum() / y.size
        variance = ((y - mu) ** 2).sum() / y.size
        outputs[:, j] = gain[j] * (y - mu) / np.sqrt(variance + eps) + shift[j]
    return outputs


def l1(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    return _lp(values, gain, shift, eps, lambda y: np.abs(y).sum() / y.size)


def l2(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    return _lp(values, gain, shift, eps, lambda y: np.sqrt((y * y).sum() / y.size))


def linf(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    return _lp(values, gain, shift, eps, lambda y: max(y.max(), -y.min()))


def layer(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    return group(values, gain, shift, eps, groups=1)


def instance(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    return group(values, gain, shift, eps, groups=values.shape[1])


def group(values: Array, gain: Array, shift: Array, eps: float, groups: int) -> Array:
    outputs = np.empty_like(values)
    channels = values.shape[1] // groups
    for i in range(values.shape[0]):
        for g in range(groups):
            members = slice(g * channels, (g + 1) * channels)
            y = values[i, members]
            mu = y.sum() / y.size
            variance = ((y - mu) ** 2).sum() / y.size
            outputs[i, members] = (y - mu) / np.sqrt(variance + eps)
    return _per_feature(outputs, gain, shift)


def rms(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    outputs = np.empty_like(values)
    for i in range(values.shape[0]):
        outputs[i] = values[i] / np.sqrt((values[i] ** 2).sum() / values[i].size + eps)
    return _per_feature(outputs, gain, np.zeros_like(shift))


def none(values: Array, gain: Array, shift: Array, eps: float) -> Array:
    return values.copy()


def _lp(values: Array, gain: Array, shift: Array, eps: float, scale_of) -> Array:
    outputs = np.empty_like(values)
    for j in range(values.shape[1]):
        y = values[:, j]
        outputs[:, j] = gain[j] * (y - y.sum() / y.size) / (scale_of(y) + eps) + shift[j]
    return outputs


def _per_feature(values: Array, gain: Array, shift: Array) -> Array:
    outputs = np.empty_like(values)
    for j in range(values.shape[1]):
        outputs[:, j] = gain[j] * values[:, j] + shift[j]
    return outputs
