"""A model, batches and an optimiser as a user's, which depend on all that such can depend on."""

import random

import numpy as np
import torch
from torch import Tensor, nn


class Odd(nn.Module):
    """Draws from three random streams, counts its calls, and keeps a buffer that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        self.norm = nn.BatchNorm1d(8)
        self.calls = 0
        self.register_buffer("hidden", torch.zeros(8), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Three scores of each sample."""
        if self.training:
            self.calls += 1
        here = nn.functional.dropout(self.norm(self.first(inputs)), 0.2, self.training)
        if self.training:
            self.hidden = self.hidden + here.detach().mean(0)
        scale = 1 + 0.1 * random.random() + 0.1 * np.random.rand() + 0.01 * self.calls
        return self.last(scale * here.relu() + self.hidden)


def make_model() -> nn.Module:
    """The model."""
    return Odd()


def make_batches(seed: int) -> object:
    """Three batches an epoch, shuffled anew in each."""
    stream = torch.Generator().manual_seed(seed)
    data = torch.utils.data.TensorDataset(
        torch.randn(24, 6, generator=stream), torch.arange(24) % 3
    )
    return torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)


def make_optimizer(model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Has state of its own for each parameter."""
    return torch.optim.AdamW(model.parameters(), lr=lr)
