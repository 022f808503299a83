"""The hardest networks: sizes that follow the data, hooks on modules, writes on what is not theirs.

Some cannot be cut, some write on weights, inputs or attributes of their own as they run.
"""

from collections.abc import Callable
from typing import Any

import torch
from tests.measures.networks import Case, built, classes, weight_and_bias
from tests.measures.zoo import borderline
from tests.measures.zoo.uncuttable import ThreeLayers, looks, three_layers
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

LOOKS: dict[str, Callable[[Tensor], Any]] = {
    "format": lambda number: f"{number:.3f}"[0] != "-",
    "repr": lambda number: "-" not in repr(number),
    "length of a selection": lambda number: len(number[None][number[None] > 0]),
    "shape of a selection": lambda number: number.masked_select(number > 0).shape[0],
    "size of nonzero": lambda number: (number > 0).nonzero().size(0),
    "number of unique": lambda number: torch.unique(torch.stack([number, number.abs()])).numel(),
    "rows of where": lambda number: torch.where(number[None] > 0)[0].shape[0],
    "repeats": lambda number: torch.ones(1).repeat_interleave((number > 0).long() + 1).numel(),
    "bincount": lambda number: torch.bincount((number > 0).long()[None]).shape[0],
}


class CountsAMask(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return h * len(h[h.abs() > 0.3]) / 20


class Reentrant(ThreeLayers):
    """The old kind of checkpoint, which runs a backward pass of its own."""

    def between(self, h: Tensor) -> Tensor:
        return functional.dropout(h, 0.2, self.training)

    def forward(self, x: Tensor) -> Tensor:
        h = checkpoint(
            lambda h: torch.tanh(self.second(self.between(h))), self.first(x), use_reentrant=True
        )
        return self.third(self.between(h))


class BackwardHook(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.second.register_full_backward_hook(lambda _, into, __: (0.3 * into[0],))

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(h)


class BackwardPreHook(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.second.register_full_backward_pre_hook(lambda _, out: (out[0].clamp(-0.01, 0.01),))

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(h)


UNCUTTABLE: dict[str, Callable[[], Case]] = {
    **{f"Python looks: {name}": lambda look=look: looks(look) for name, look in LOOKS.items()},
    **{
        name: lambda network=network: built(lambda: three_layers(network()))
        for name, network in {
            "counts a mask": CountsAMask,
            "a reentrant checkpoint": Reentrant,
            "a hook on a module's backward": BackwardHook,
            "a hook before a module's backward": BackwardPreHook,
        }.items()
    },
}


class Remembers(borderline.ThreeLayers):
    """State in plain attributes: what was seen last, and how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.seen: Tensor | None = None

    def between(self, h: Tensor) -> Tensor:
        self.calls += 1
        h = torch.tanh(h) / self.calls
        if self.seen is not None:
            h = h + self.seen
        self.seen = h.detach()
        return h


class Collects(borderline.ThreeLayers):
    """A list that grows: an auxiliary loss is kept there, and the outputs take its last."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Tensor] = []

    def between(self, h: Tensor) -> Tensor:
        self.kept.append(h.square().mean())
        return torch.tanh(h) * self.kept[-1] / len(self.kept)


class Clips(borderline.ThreeLayers):
    """Writes on its own weights before it uses them, as a Wasserstein critic may."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            for layer in (self.first, self.second, self.third):
                layer.weight.clamp_(-0.3, 0.3)
        return super().forward(x)


class WritesOnInputs(borderline.ThreeLayers):
    """The first thing that it does is done in place, on what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.add_(0.5).mul_(1.5))


def bounded_embedding() -> Case:
    """An embedding that rescales rows of its weight, in place, when they are used."""
    model = nn.Sequential(
        nn.Embedding(7, 5, max_norm=1.0), nn.Linear(5, 5), nn.Flatten(), nn.Linear(15, 3)
    )
    words = torch.randint(0, 7, (8, 3), generator=torch.Generator().manual_seed(4))
    layers = {"0": ["0.weight"], "1": weight_and_bias("1"), "3": weight_and_bias("3")}
    return Case(model, functional.cross_entropy, words, classes(8), layers)


WRITERS: dict[str, Callable[[], Case]] = {
    **{
        name: lambda network=network: built(lambda: borderline.three_layers(network()))
        for name, network in {
            "remembers": Remembers,
            "collects": Collects,
            "clips": Clips,
            "writes on its inputs": WritesOnInputs,
        }.items()
    },
    "a bounded embedding": lambda: built(bounded_embedding),
}
