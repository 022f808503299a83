"""The convolutions and linear layers of a model, and what they say about the norms beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

_CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


@dataclass(frozen=True, eq=False)
class WeightLayer:
    """A convolution or a linear layer.

    Args:
        name: The first of its names.
        module: The layer.
        takes: Number of features of its inputs.
        gives: Number of features of its outputs.
        spatial: Number of spatial dimensions; 0 for a linear layer.
    """

    name: str
    module: nn.Module
    takes: int
    gives: int
    spatial: int


def weight_layers(model: nn.Module) -> list[WeightLayer]:
    """The convolutions and linear layers of a model, in the order of registration."""
    found: list[WeightLayer] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            found.append(WeightLayer(name, module, module.in_features, module.out_features, 0))
        elif isinstance(module, _CONVOLUTIONS):
            spatial = len(module.kernel_size)
            layer = WeightLayer(name, module, module.in_channels, module.out_channels, spatial)
            found.append(layer)
    return found


def supposed_space(
    before: Sequence[WeightLayer],
    after: Sequence[WeightLayer],
    features: int | None,
    possible: tuple[int, ...],
) -> int | None:
    """The spatial dimensions that a norm most likely has, by the layers registered around it.

    The nearest layer before it that gives as many features, else the nearest after it that takes
    as many, else the nearest before it. Where the norm may have any number of dimensions, each
    convolution comes before each linear layer: between convolutions stand, in many models, linear
    layers for something else, such as the time in a diffusion model.

    Args:
        before: The layers registered before the norm.
        after: Those after it.
        features: Number of the norm's features, if known.
        possible: Numbers of spatial dimensions that its type admits.

    Returns:
        None where no layer says anything.
    """
    ahead = [layer for layer in reversed(before) if layer.spatial in possible]
    behind = [layer for layer in after if layer.spatial in possible]
    nearest = [
        *(layer for layer in ahead if layer.gives == features),
        *(layer for layer in behind if layer.takes == features),
    ]
    nearest = nearest or ahead
    if len(possible) > 2:
        nearest = [layer for layer in nearest if layer.spatial] or nearest
    return nearest[0].spatial if nearest else None
