"""A six-layer transformer encoder that classifies sequences of tokens, from torch's own modules.

The encoder of Vaswani et al. 2017, arXiv 1706.03762: the norm after each sum, fixed sinusoids for
positions. Without its norm, an identity stands in each norm's place.
"""

import math

import torch
from torch import Tensor, nn

WIDTH = 128
HEADS = 4
HIDDEN = 512
DEPTH = 6
TOKENS = 64
VOCABULARY = 1000


class Encoder(nn.Module):
    """Token embedding, ``nn.TransformerEncoder``, a mean over the tokens and a linear layer.

    Args:
        norm: Whether layers have their LayerNorm or an identity, ``"layer"`` or ``"none"``.
        classes: Number of classes.
    """

    def __init__(self, norm: str, classes: int = 10) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        # Without dropout attention runs as one fused kernel, on the CPU as on a GPU.
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)
        if norm == "none":
            for each in self.encoder.layers:
                each.norm1 = nn.Identity()
                each.norm2 = nn.Identity()
        self.head = nn.Linear(WIDTH, classes)
        self.register_buffer("positions", sinusoids(TOKENS, WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of each class, (n, classes), from tokens of (n, length)."""
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        x = self.encoder(x)
        return self.head(x.mean(1))


def sinusoids(length: int, width: int) -> Tensor:
    """A (length, width) table of positions: section 3.5 of the paper."""
    rates = torch.exp(-math.log(10_000) * torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
