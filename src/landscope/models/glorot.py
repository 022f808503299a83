r"""Glorot initial weights, drawn for each layer from a generator of its own.

.. math:: W \sim N\left(0, \frac{2}{fan_{in} + fan_{out}}\right), \qquad b = 0

In a convolution the fans are the channels times the kernel's positions.

Source: Glorot & Bengio 2010, equation 12 for the variance. Santurkar et al. 2018 say "Glorot" but
not whether normal or uniform; normal is chosen here, see ``docs/decisions/initial-weights.md``.

The generator of layer number n is seeded from (seed, n) alone. So models of one seed have equal
weights in every layer that they share, whatever norms stand between; and PyTorch's global random
streams are neither read nor moved.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from landscope.errors import UsageError

_Layer = TypeVar("_Layer", nn.Linear, nn.Conv2d)


class GlorotLayers:
    """Makes the weight-bearing layers of one model, in the order of execution.

    Args:
        seed: Seed of all the layers' weights, at least 0.

    Raises:
        UsageError: On a negative seed.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise UsageError(f"seed = {seed}", "a seed is at least 0", "give a number from 0 on")
        self.seed = seed
        self.made = 0

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
        """The next layer, a linear one."""
        return self._drawn(nn.Linear(inputs, outputs, bias=bias, device="meta"))

    def conv3x3(self, inputs: int, outputs: int) -> nn.Conv2d:
        """The next layer, a 3 x 3 convolution that keeps height and width."""
        return self._drawn(nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, device="meta"))

    def _drawn(self, layer: _Layer) -> _Layer:
        """Give a layer its memory, which PyTorch would have filled from its global stream."""
        self.made += 1
        layer = layer.to_empty(device="cpu")
        with torch.no_grad():
            layer.weight.copy_(glorot_normal(layer.weight.shape, self.seed, self.made))
            if layer.bias is not None:
                layer.bias.zero_()
        return layer


def glorot_normal(shape: Sequence[int], seed: int, number: int) -> Tensor:
    """Weights of variance 2 / (fan in + fan out), the same for the same seed and number.

    Args:
        shape: (outputs, inputs) of a linear layer, or (outputs, inputs, *kernel).
        seed: Seed of the model, at least 0.
        number: Number of the layer, from 1.

    Returns:
        The weights in float64 on the CPU, so that they do not depend on where they are used.
    """
    # PyTorch's generator keeps 32 bits of a seed; this mixes both numbers into them.
    mixed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint32)[0]
    generator = torch.Generator().manual_seed(int(mixed))
    fans = (shape[0] + shape[1]) * math.prod(shape[2:])
    drawn = torch.randn(tuple(shape), generator=generator, dtype=torch.float64, device="cpu")
    return math.sqrt(2 / fans) * drawn
