"""Which norm serves a small residual network? For ``landscope compare``, on bundled images.

``landscope compare examples/compare_resnet.py --norms as-is none group rms --lrs 0.3 0.1
--steps 120 --every 12``

The network is that of He et al. 2015, section 4.2, at a third of its depth, and knows nothing of
landscope: its batch norms are replaced from outside.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from landscope.data import load

WIDTHS = (16, 32, 64)
BATCH_SIZE = 64


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.short_cut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.short_cut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.short_cut(x))


def make_model() -> nn.Module:
    """Eight layers on images of 28 x 28, three sizes, ten classes."""
    stem = nn.Sequential(
        nn.Conv2d(1, WIDTHS[0], 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(WIDTHS[0]),
        nn.ReLU(),
    )
    sizes = zip((WIDTHS[0], *WIDTHS), WIDTHS, (1, 2, 2), strict=False)
    blocks = [Block(inputs, outputs, stride) for inputs, outputs, stride in sizes]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], 10))
    return nn.Sequential(stem, *blocks, head)


def make_batches(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in the order of the seed."""
    data = load("fashion-mnist")
    order = torch.randperm(len(data.train_inputs), generator=torch.Generator().manual_seed(seed))
    for chosen in order.split(BATCH_SIZE):
        if len(chosen) == BATCH_SIZE:
            yield data.inputs(data.train_inputs[chosen]), data.train_targets[chosen]
