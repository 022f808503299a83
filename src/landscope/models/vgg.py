"""VGG: 3 x 3 convolutions and max pools, then linear layers; by configuration.

"vgg-11" and "vgg-16" are configurations A and D of Simonyan & Zisserman 2014, arXiv 1409.1556,
table 1, with hidden linear layers of 512 units, as there is one position left of a 32 x 32 image.
"vgg-small" is for 28 x 28 images and minutes on two CPU cores, "vgg-medium" for 32 x 32 images and
an hour there; both are as deep as lets the network without norm learn in that time. Santurkar et
al. 2018 say "VGG-like" and no more; ``docs/decisions/vgg-head.md`` has the choices.

The norm follows each convolution and each hidden linear layer, before the ReLU; none follows the
last layer. Every layer keeps its bias whatever the norm, so that only the norm differs.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.models.glorot import GlorotLayers
from landscope.models.mlp import linear_relu_layers
from landscope.norms.table import NormBuilder, none


@dataclass(frozen=True, slots=True)
class VggConfig:
    """Shape of a VGG.

    Args:
        convolutions: Output channels of each convolution, "M" for each 2 x 2 max pool.
        hidden: Units of each hidden linear layer.
        channels: Channels of the images that it was made for.
    """

    convolutions: tuple[int | Literal["M"], ...]
    hidden: tuple[int, ...]
    channels: int

    @property
    def smallest_side(self) -> int:
        """Least height and width of the images: each max pool halves them."""
        return 2 ** self.convolutions.count("M")


VGG_CONFIGS: dict[str, VggConfig] = {
    "vgg-small": VggConfig((8, "M", 16, "M", 32, 32, "M", 64, 64), (), channels=1),
    "vgg-medium": VggConfig((16, "M", 32, "M", 64, 64, "M", 128, 128), (), channels=3),
    "vgg-11": VggConfig(
        (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"), (512, 512), channels=3
    ),
    "vgg-16": VggConfig(
        (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
        (512, 512),
        channels=3,
    ),
}


class VGG(nn.Module):
    """Convolutions (``features``), a mean over the positions left, linear layers (``classifier``).

    Args:
        config: Widths and pools.
        norm: Makes the norm before each ReLU; none by default.
        seed: Seed of the initial weights, at least 0.
        in_channels: Channels of the images; those of the configuration by default.
        classes: Number of classes.

    Raises:
        UsageError: On a negative seed, a number below 1, or a norm that has nothing to average
            over after the hidden linear layers.
    """

    def __init__(
        self,
        config: VggConfig,
        *,
        norm: NormBuilder = none,
        seed: int = 0,
        in_channels: int | None = None,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.channels if in_channels is None else in_channels
        for what, number in (("in_channels", self.in_channels), ("classes", classes)):
            if number < 1:
                raise UsageError(
                    f"{what} = {number}", "a VGG has at least 1", f"give a larger {what}"
                )
        layers = GlorotLayers(seed)
        self.features, width = _features(config, self.in_channels, norm, layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = linear_relu_layers((width, *config.hidden, classes), norm, layers)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Scores of each class, before any softmax.

        Raises:
            UsageError: On images of too few pixels or another number of channels.
        """
        self._check(images)
        return self.classifier(self.pool(self.features(images)).flatten(1))

    def _check(self, images: Tensor) -> None:
        side = self.config.smallest_side
        if images.shape[1] != self.in_channels or min(images.shape[2:]) < side:
            raise UsageError(
                f"images of shape {tuple(images.shape)}",
                f"this VGG takes {self.in_channels} channels of at least {side} x {side} pixels",
                "give other images, set in_channels, or take a VGG with fewer pools",
            )


def _features(
    config: VggConfig, channels: int, norm: NormBuilder, layers: GlorotLayers
) -> tuple[nn.Sequential, int]:
    """``conv1, norm1, relu1, pool1, ...`` and the number of channels that come out of them."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    pools = 0
    for width in config.convolutions:
        if width == "M":
            pools += 1
            modules[f"pool{pools}"] = nn.MaxPool2d(2)
            continue
        convolution = layers.conv3x3(channels, width)
        number = layers.made
        modules[f"conv{number}"] = convolution
        modules[f"norm{number}"] = norm(width, 2)
        modules[f"relu{number}"] = nn.ReLU()
        channels = width
    return nn.Sequential(modules), channels
