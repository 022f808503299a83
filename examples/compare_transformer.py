"""Which norm serves a small language model? For ``landscope compare``, on any text.

``landscope compare examples/compare_transformer.py --loss examples/compare_transformer.py:loss_fn
--optimizer adamw --norms as-is none rms batch --lrs 0.01 0.003 --steps 120 --every 12``

A causal transformer of PyTorch's own blocks, with layer norms before attention and feed-forward
layers, on characters. It learns to write Python from the source of ``torch.nn.functional``, or
from the file that the environment variable TEXT names.
"""

import inspect
import os
from pathlib import Path

import torch
from torch import nn

WIDTH, CONTEXT, BATCH_SIZE, BATCHES = 64, 48, 16, 200
PATH = os.environ.get("TEXT", inspect.getfile(nn.functional))
CODES = torch.tensor(list(Path(PATH).read_bytes()))


class Transformer(nn.Module):
    """From each character and those before it, the chances of the next."""

    def __init__(self):
        super().__init__()
        self.characters, self.places = nn.Embedding(256, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, 4, 4 * WIDTH, dropout=0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(2)
        )
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 256))

    def forward(self, text):
        past = nn.Transformer.generate_square_subsequent_mask(CONTEXT, device=text.device)
        x = self.characters(text) + self.places.weight
        for block in self.blocks:
            x = block(x, past, is_causal=True)
        return self.head(x)


def make_model():
    return Transformer()


def make_batches(seed):
    """Pieces of the text at random places, each one character longer than the context."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(BATCHES):
        starts = torch.randint(len(CODES) - CONTEXT, (BATCH_SIZE, 1), generator=generator)
        yield CODES[starts + torch.arange(CONTEXT + 1)]


def loss_fn(model, batch):
    """Mean cross-entropy of the next character, in nats."""
    return nn.functional.cross_entropy(model(batch[:, :-1]).mT, batch[:, 1:])
