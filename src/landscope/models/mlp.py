"""Multilayer perceptron: linear layers, each but the last followed by its norm and a ReLU."""

from collections import OrderedDict
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.models.glorot import GlorotLayers
from landscope.norms.table import NormBuilder, none


class MLP(nn.Module):
    """``fc1, norm1, relu1, ..., fcK`` in ``layers``.

    Args:
        widths: Numbers of features: of an example once flattened, of each hidden layer, of the
            output; at least two.
        norm: Makes the norm before each ReLU; none by default.
        seed: Seed of the initial weights, at least 0.

    Raises:
        UsageError: On fewer than two widths, a width below 1, or a negative seed.
    """

    def __init__(self, widths: Sequence[int], *, norm: NormBuilder = none, seed: int = 0) -> None:
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise UsageError(
                f"widths = {list(widths)}",
                "a perceptron has at least an input and an output width, each at least 1",
                "give widths such as 784, 128, 128, 10",
            )
        self.layers = linear_relu_layers(widths, norm, GlorotLayers(seed))

    def forward(self, inputs: Float[Tensor, "batch *example"]) -> Float[Tensor, "batch outputs"]:
        """Scores of each class, before any softmax; examples of any shape are flattened."""
        return self.layers(inputs.flatten(1))


def linear_relu_layers(
    widths: Sequence[int], norm: NormBuilder, layers: GlorotLayers
) -> nn.Sequential:
    """``fc1, norm1, relu1, ..., fcK`` with K one less than there are widths.

    Args:
        widths: Numbers of features: of the input, of each hidden layer, of the output.
        norm: Makes the norm before each ReLU.
        layers: Makes the linear layers.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    last = len(widths) - 1
    for number in range(1, len(widths)):
        modules[f"fc{number}"] = layers.linear(widths[number - 1], widths[number])
        if number < last:
            modules[f"norm{number}"] = norm(widths[number], 0)
            modules[f"relu{number}"] = nn.ReLU()
    return nn.Sequential(modules)
