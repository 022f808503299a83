"""landscope around a small causal transformer: AdamW, clipping, and a loss of the whole batch.

``python examples/adamw_transformer.py [steps]`` learns the bytes of tinyshakespeare, or of any
text: ``TEXT=mine.txt`` in front names its file. It takes 200 steps, in half a minute or so.
"""

import os
import sys
from pathlib import Path

import torch
from torch import nn

import landscope

WIDTH, CONTEXT = 64, 64


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.bytes, self.places = nn.Embedding(256, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        block = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 256))

    def forward(self, text):
        mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT)
        return self.head(self.blocks(self.bytes(text) + self.places.weight, mask, is_causal=True))


def loss_fn(model, batch):  # only it knows how a batch is taken apart
    return nn.functional.cross_entropy(model(batch[:, :-1]).mT, batch[:, 1:])


path = Path(os.environ.get("TEXT", "../shared/data/tinyshakespeare/input.txt"))
if not path.exists():
    print(f"There is no text at {path}. Name one: TEXT=mine.txt python {sys.argv[0]}")
    sys.exit()
text = torch.tensor(list(path.read_bytes()))

torch.manual_seed(0)
model = Transformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
scope = landscope.Scope(model, loss_fn, optimizer, probes=["gradient", "step_size"], every=25)
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
    batch = text[torch.randint(len(text) - CONTEXT, (16, 1)) + torch.arange(CONTEXT + 1)]
    with scope.step(batch):  # one argument: the loss is loss_fn(model, batch)
        optimizer.zero_grad()
        loss_fn(model, batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

for finding in scope.findings():
    print(finding)
for reading in scope.readings:
    if reading.key in ("gradient/loss", "gradient/used_gradient_norm", "step_size/sharpness_lr"):
        print(f"step {reading.step:4}  {reading.key:27} {reading.value:8.4f} {reading.unit}")
