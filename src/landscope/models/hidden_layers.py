"""Hidden linear layers: each followed by its norm and a ReLU; the last layer by neither."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from landscope.models.glorot import GlorotLayers
from landscope.norms.table import NormBuilder


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
