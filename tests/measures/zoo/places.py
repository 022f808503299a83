"""Operations between modules: views, writes in place, splits, slices of a buffer."""

import torch
from tests.measures.networks import of_three_layers
from torch import Tensor, nn
from torch.nn import functional


class Slices(nn.Module):
    """Each layer writes its column into a buffer, which the next one reads."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 2), nn.Linear(2, 2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros(len(x), 2, 2, dtype=x.dtype)
        out[:, 0] = self.first(x)
        out[:, 1] = torch.tanh(self.second(out[:, 0].clone()))
        return self.third(out.flatten(1))


class Parts(nn.Module):
    """chunk, split and unbind, whose parts are views of one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 8), nn.Linear(4, 6), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.first(x).chunk(2, dim=1)
        left, right = self.second(value * torch.sigmoid(gate)).split([4, 2], dim=1)
        one, two = right.unbind(1)
        return self.third(torch.stack([left.amax(1), one, two * left[:, 0]], 1))


class Views(nn.Module):
    """In-place operations on views, whose base is read afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x) * 1
        h[:, ::2].masked_fill_(x[:, :3] < 0, 0.2)
        h.view(-1, 2, 3)[:, 0].add_(h[:, 3:], alpha=0.5)
        h = self.second(torch.tanh(h)) + 0
        top, bottom = h.narrow(1, 0, 3), h.narrow(1, 3, 3)
        top.mul_(2).neg_()
        bottom.copy_(top.sigmoid() + bottom)
        h.t()[1].sub_(h[:, 0])
        h[:, 2] += h[:, 4]
        h.data[:, 5] *= 2
        return self.third(h)


class AcrossLayers(nn.Module):
    """What one layer gave is written on after the next has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        kept = self.first(x).clone()
        seen = kept[:, :2]
        kept += torch.tanh(self.second(x))
        kept.mul_(0.5)
        return self.third(torch.cat([seen, kept[:, 2:]], 1))


class Between(nn.Module):
    """Functional operations of all kinds between the modules, none of them a module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.register_buffer("table", torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).reshape(len(x), 2, 3).permute(0, 2, 1).flatten(1)
        h = torch.where(h > 0, h, 0.1 * h).clamp(max=2).sub(self.table)
        h = functional.layer_norm(self.second(h.roll(1, 1)), (6,))
        best, where = h.topk(3, dim=1)
        h = h.scatter_add(1, where, best.cumsum(1)).sort(1).values
        h = torch.einsum("bi,bj->bij", h, h).logsumexp(2) * 2 ** torch.sigmoid(h)
        h = torch.fft.rfft(h, n=10).abs() @ torch.eye(6, dtype=h.dtype)
        return self.third(h.expand(2, -1, -1).sum(0) - h.max(1, keepdim=True).values)


class Selects(nn.Module):
    """Masks and indices that follow the data, though no size does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = h.index_select(1, h.detach().mean(0).argsort())
        h[h < 0] = 0
        h = self.second(h)
        h = h.masked_fill(h.detach() > h.mean(), 0.3).gather(1, h.argsort(1))
        return self.third(h[torch.arange(len(h)).flip(0)])


class Kept(nn.Module):
    """Modules keep what they saw in attributes and lists, and another reads it later."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        seen = {"early": [self.first(x).tanh()]}
        seen["late"] = [self.second(seen["early"][-1]).tanh()]
        return self.third(torch.cat([*seen["late"], *seen["early"]], 1))


class Hooked(nn.Module):
    """Forward hooks that change what goes in and what comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        self.second.register_forward_pre_hook(lambda _, args: (torch.tanh(args[0]),))
        self.second.register_forward_hook(lambda _, args, outputs: outputs * torch.sigmoid(args[0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.first(x)))


class Cell(nn.Module):
    """A loop over time with a Linear cell, each step's state written into the output."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(2, 4), nn.Linear(8, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 4, dtype=x.dtype)
        for piece in x.split(2, dim=1):
            state = torch.tanh(self.second(torch.cat([self.first(piece), state], 1)))
        return self.third(state)


NETWORKS = of_three_layers(
    {
        "slices of a buffer": Slices,
        "chunk, split, unbind": Parts,
        "in place on views": Views,
        "in place across layers": AcrossLayers,
        "functions between modules": Between,
        "masks and indices": Selects,
        "kept for later": Kept,
        "forward hooks": Hooked,
        "a loop over time": Cell,
    }
)
