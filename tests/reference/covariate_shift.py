"""Definition 2.1 of Santurkar et al. (2018), a whole copy of the network for each layer.

    G_i  = grad_{W_i} L(W_1, ..., W_k)                          all parameters before the step
    G'_i = grad_{W_i} L(W_1^+, ..., W_{i-1}^+, W_i, ..., W_k)   only the layers before i moved

on the same batch and with the same random draws. The caller says what the layers are and in
which order they execute: the reference finds nothing out by itself.
"""

from dataclasses import dataclass

import numpy as np
from tests.reference.gradient import flat, loss_and_gradient, moved


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
        earlier = [name for layer in layers[:i] for name in layer]
        twin = moved(model, {name: after[name] for name in earlier})
        _, gradient = loss_and_gradient(twin, loss_fn, inputs, targets, seed)
        g = flat(before, own)
        g_prime = flat(gradient, own)
        l2 = np.sqrt(np.sum((g_prime - g) ** 2))
        norm = np.sqrt(np.sum(g**2))
        norm_prime = np.sqrt(np.sum(g_prime**2))
        shifts.append(Shift(l2, l2 / norm, np.sum(g * g_prime) / (norm * norm_prime), norm))
    return shifts
