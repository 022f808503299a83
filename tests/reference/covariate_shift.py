"""Definition 2.1 of Santurkar et al. (2018), a whole copy of the network for each layer.

    G_i  = grad_{W_i} L(W_1, ..., W_k)                          all parameters before the step
    G'_i = grad_{W_i} L(W_1^+, ..., W_{i-1}^+, W_i, ..., W_k)   only the layers before i moved

on the same batch and with the same random draws. The caller says what the layers are and in
which order they execute: the reference finds nothing out by itself. A gradient that vanishes has
no direction, and nothing is large or small beside it: NaN.
"""

from dataclasses import dataclass

import numpy as np
from tests.reference.gradient import flat, loss_and_gradient


@dataclass
class Shift:
    l2: float
    relative: float
    cosine: float
    gradient_norm: float


def covariate_shift(model, loss_fn, inputs, targets, *, layers, after, seed):
    """The shift of every layer; `layers` lists the parameter names of each, in order."""
    _, before = loss_and_gradient(model, loss_fn, inputs, targets, seed)
    shifts = []
    for i, own in enumerate(layers):
        earlier = {name: after[name] for layer in layers[:i] for name in layer}
        _, gradient = loss_and_gradient(model, loss_fn, inputs, targets, seed, moved=earlier)
        g = flat(before, own)
        g_prime = flat(gradient, own)
        l2 = np.sqrt(np.sum((g_prime - g) ** 2))
        norm = np.sqrt(np.sum(g**2))
        norm_prime = np.sqrt(np.sum(g_prime**2))
        relative = l2 / norm if norm > 0 else np.nan
        both = norm * norm_prime
        cosine = np.sum(g * g_prime) / both if both > 0 else np.nan
        shifts.append(Shift(l2, relative, cosine, norm))
    return shifts
