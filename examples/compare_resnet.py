"""Which norm serves a small residual network? For ``landscope compare``, on bundled images.

``landscope compare examples/compare_resnet.py --norms as-is none group rms --lrs 0.3 0.1
--steps 120 --every 12``

The network is that of He et al. 2015, section 4.2, at a third of its depth, and knows nothing of
landscope: its batch norms are replaced from outside.
"""

import torch
from torch import nn

from landscope.data import load


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.short_cut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            shrinking = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.short_cut = nn.Sequential(shrinking, nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + self.short_cut(x))


def make_model():
    """Eight layers on images of 28 x 28, three sizes, ten classes."""
    stem = nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False)
    blocks = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return nn.Sequential(nn.Sequential(stem, nn.BatchNorm2d(16), nn.ReLU()), *blocks, head)


def make_batches(seed):
    """One epoch in the order of the seed; its last batch, a smaller one, is left out."""
    data = load("fashion-mnist")
    order = torch.randperm(len(data.train_inputs), generator=torch.Generator().manual_seed(seed))
    for chosen in order.split(64)[:-1]:
        yield data.inputs(data.train_inputs[chosen]), data.train_targets[chosen]
