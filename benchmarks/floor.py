"""The floor of arithmetic for the covariate shift of all layers, from shapes alone.

With F_j the forward arithmetic of layer j, X_j its backward to inputs and W_j to weights:

    floor = sum over i of [ sum_{j>=i} F_j + sum_{j>i} X_j + W_i ] + sum_j F_j.

This is an independent count: closed formulas of each module's shapes. It uses neither landscope nor
torch's counter, and counts what that counter counts, the products of matrices and convolutions: two
operations for each multiplication that is added to a sum. Biases, norms, activations and losses
count nothing.

The first layer has no shift, by definition. Who leaves it out saves its term:
:attr:`Count.floor_from_second`, a little less than the formula.

Attention. Its two products, QK^T and AV, hold no weights and belong to the layer of the
in-projection, before them. Forward they take 4 n s^2 e operations for n sequences of s tokens and
width e. The fused kernels that run on the CPU and on a GPU do not keep the n s^2 probabilities: on
the way back they compute QK^T again beside the four products of the chain rule, so 10 n s^2 e. Both
X and W of the in-projection need these, as the gradient of its weight comes through them.
"""

import math
from dataclasses import dataclass

from torch import nn

from benchmarks.layers import Layer
from landscope.errors import UsageError


@dataclass(frozen=True)
class Arithmetic:
    """Operations of one layer.

    Args:
        layer: Name of its weight-bearing module.
        forward: F.
        to_inputs: X; 0 where nothing before it has a gradient.
        to_weights: W.
        shared: Operations that are in both X and W, and are done once where both are asked for.
    """

    layer: str
    forward: int
    to_inputs: int
    to_weights: int
    shared: int = 0


@dataclass(frozen=True)
class Count:
    """Operations of a network over one batch.

    Args:
        layers: Each layer's, in the order of execution.
    """

    layers: tuple[Arithmetic, ...]

    @property
    def forward(self) -> int:
        """One forward pass."""
        return sum(layer.forward for layer in self.layers)

    @property
    def step(self) -> int:
        """One training step: a forward pass, and a backward pass to all weights."""
        backward = sum(row.to_inputs + row.to_weights - row.shared for row in self.layers)
        return self.forward + backward

    @property
    def literal(self) -> int:
        """A whole forward and backward pass for each layer, to all weights."""
        return len(self.layers) * self.step

    @property
    def frugal(self) -> int:
        """A whole forward pass for each layer but the first, and back to its own weights alone."""
        later = range(1, len(self.layers))
        return len(later) * self.forward + sum(map(self._back, later))

    @property
    def floor(self) -> int:
        """The formula above."""
        return self.forward + sum(self._behind(at) for at in range(len(self.layers)))

    @property
    def floor_from_second(self) -> int:
        """The same over the layers behind the first."""
        return self.forward + sum(self._behind(at) for at in range(1, len(self.layers)))

    def _behind(self, position: int) -> int:
        """A layer's term: forward from it on, back to it, and to its own weights."""
        return sum(row.forward for row in self.layers[position:]) + self._back(position)

    def _back(self, position: int) -> int:
        later = self.layers[position + 1 :]
        return sum(row.to_inputs for row in later) + self.layers[position].to_weights


def count(layers: list[Layer]) -> Count:
    """The operations of a network whose layers one pass has shown.

    Raises:
        UsageError: There is no closed formula here for a module.
    """
    return Count(tuple(_arithmetic(layer) for layer in layers))


def _arithmetic(layer: Layer) -> Arithmetic:
    products = between = back = 0
    match layer.module:
        case nn.Embedding():
            pass
        case nn.Conv2d() as conv:
            kernel = math.prod(conv.kernel_size) * conv.in_channels // conv.groups
            products = 2 * math.prod(layer.outputs) * kernel
        case nn.Linear() as linear:
            products = 2 * math.prod(layer.inputs) * linear.out_features
        case nn.MultiheadAttention() as attention:
            _check(attention)
            sequences, tokens, width = layer.inputs
            products = 2 * math.prod(layer.inputs) * 3 * width
            between = 2 * (2 * sequences * tokens * tokens * width)
            back = 5 * (2 * sequences * tokens * tokens * width)
        case other:
            raise UsageError(
                f"{layer.name!r} is a {type(other).__name__}",
                "the floor knows convolutions, linear layers, embeddings and attention",
                "add its closed formula to benchmarks/floor.py",
            )
    further = layer.input_has_gradient
    return Arithmetic(
        layer=layer.name,
        forward=products + between,
        to_inputs=products + back if further else 0,
        to_weights=products + back,
        shared=back if further else 0,
    )


def _check(attention: nn.MultiheadAttention) -> None:
    if not attention.batch_first or attention.in_proj_weight is None:
        raise UsageError(
            "attention with its sequences second, or with keys of another width",
            "the formula is that of self-attention over (sequences, tokens, width)",
            "give batch_first=True and one width",
        )
