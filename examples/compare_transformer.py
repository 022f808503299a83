"""Which norm serves a small language model? For ``landscope compare``, on any text.

``landscope compare examples/compare_transformer.py --loss examples/compare_transformer.py:loss_fn
--optimizer adamw --norms as-is none rms batch --lrs 0.01 0.003 --steps 120 --every 12``

A causal transformer with layer norms before attention and feed-forward layers, on characters. The
text is that of the file named in the environment variable TEXT, else the verses below; they are so
few that the model soon knows them by heart, which is enough to see how it trains.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, BLOCKS = 64, 4, 2
CONTEXT, BATCH_SIZE, BATCHES = 48, 16, 200

VERSES = """To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles
And by opposing end them. To die: to sleep;
No more; and by a sleep to say we end
The heart-ache and the thousand natural shocks
That flesh is heir to, 'tis a consummation
Devoutly to be wish'd. To die, to sleep;
To sleep: perchance to dream: ay, there's the rub;
For in that sleep of death what dreams may come
When we have shuffled off this mortal coil,
Must give us pause: there's the respect
That makes calamity of so long life;
"""


def read_text() -> str:
    """The text to learn."""
    path = os.environ.get("TEXT")
    return Path(path).read_text(encoding="utf-8") if path else VERSES


def alphabet(text: str) -> list[str]:
    """Its characters, in order."""
    return sorted(set(text))


class Attention(nn.Module):
    """Each character looks at those before it."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, _ = x.shape
        parts = self.qkv(x).view(batch, time, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, time, WIDTH))


class Block(nn.Module):
    """Attention, then a layer for each character alone, each behind a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.feed_forward = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class Transformer(nn.Module):
    """The chances of each next character."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, characters)

    def forward(self, indices: Tensor) -> Tensor:
        places = torch.arange(indices.shape[1], device=indices.device)
        x = self.characters(indices) + self.places(places)
        return self.head(self.norm(self.blocks(x)))


def make_model() -> nn.Module:
    """A model for the characters of the text."""
    return Transformer(len(alphabet(read_text())))


def make_batches(seed: int) -> Iterator[Tensor]:
    """Pieces of the text at random places: each is one character longer than the context."""
    text = read_text()
    numbers = {character: number for number, character in enumerate(alphabet(text))}
    indices = torch.tensor([numbers[character] for character in text])
    generator = torch.Generator().manual_seed(seed)
    for _ in range(BATCHES):
        starts = torch.randint(len(indices) - CONTEXT, (BATCH_SIZE,), generator=generator)
        yield torch.stack([indices[start : start + CONTEXT + 1] for start in starts.tolist()])


def loss_fn(model: nn.Module, batch: Tensor) -> Tensor:
    """Mean cross-entropy of the next character, in nats."""
    logits = model(batch[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
