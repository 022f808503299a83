"""ResNet-20 for 3 x 32 x 32 images, as people write it: plain torch, blocks with an identity.

He et al. 2015, arXiv 1512.03385, section 4.2: nineteen 3 x 3 convolutions in three stages of 16,
32 and 64 channels, then one linear layer. Where a stage halves the image the identity is subsampled
and padded with channels of zeros (option A), so that shortcuts hold no weights.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = (16, 32, 64)
BLOCKS = 3

Norm = Callable[[int], nn.Module]


class Block(nn.Module):
    """Two convolutions, and the block's input added to what they give."""

    def __init__(self, channels_in: int, channels: int, norm: Norm) -> None:
        super().__init__()
        self.stride = channels // channels_in
        self.conv1 = nn.Conv2d(channels_in, channels, 3, self.stride, padding=1, bias=False)
        self.norm1 = norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Images of (n, channels, height, width), halved where the channels double."""
        identity = x
        out = torch.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        if self.stride > 1:
            added = out.shape[1] - x.shape[1]
            identity = x[:, :, :: self.stride, :: self.stride]
            identity = functional.pad(identity, (0, 0, 0, 0, added // 2, added // 2))
        out += identity
        return torch.relu(out)


class ResNet20(nn.Module):
    """A convolution, three stages of three blocks, a mean over positions and a linear layer.

    Args:
        norm: Makes the norm of so many channels.
        classes: Number of classes.
    """

    def __init__(self, norm: Norm, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, STAGES[0], 3, padding=1, bias=False)
        self.norm = norm(STAGES[0])
        blocks: list[nn.Module] = []
        channels = STAGES[0]
        for width in STAGES:
            for _ in range(BLOCKS):
                blocks.append(Block(channels, width, norm))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, (n, classes), from images of (n, 3, 32, 32)."""
        x = torch.relu(self.norm(self.conv(x)))
        x = self.blocks(x)
        return self.head(x.mean((2, 3)))
