"""The simple noise scale from a whole copy of the network for each size of batch.

McCandlish et al. 2018, equations (A.2) and (A.3), with B the large size, b that of its halves:

    |G|^2 = (B |G_B|^2 - b |G_b|^2) / (B - b)        S = (|G_b|^2 - |G_B|^2) / (1/b - 1/B)

Of halves of b and B - b samples, both equations hold with the expectation of |G_b|^2 for a sample
taken at random: 1/b is then 2/B.
"""

from dataclasses import dataclass

import numpy as np
from tests.reference.gradient import flat, loss_and_gradient


@dataclass
class NoiseScaleReference:
    gradient_square: float
    gradient_variance: float


def part(tree, start, stop):
    if isinstance(tree, dict):
        return {key: part(value, start, stop) for key, value in tree.items()}
    return tree[start:stop]


def noise_scale(model, loss_fn, inputs, targets, *, samples, seed):
    def gradient(start, stop):
        batch = part(inputs, start, stop), part(targets, start, stop)
        _, found = loss_and_gradient(model, loss_fn, *batch, seed)
        return flat(found, sorted(found))

    middle = samples // 2
    large = gradient(0, samples)
    small = [gradient(0, middle), gradient(middle, samples)]
    sizes = [middle, samples - middle]
    square = float(large @ large)
    halved = float(np.average([g @ g for g in small], weights=sizes))
    large_size, size = samples, samples / 2
    return NoiseScaleReference(
        gradient_square=(large_size * square - size * halved) / (large_size - size),
        gradient_variance=(halved - square) / (1 / size - 1 / large_size),
    )
