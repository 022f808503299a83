"""Networks that steer the gradient's way: no_grad, detach, checkpoints, evaluation mode."""

import torch
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint


class Stopped(nn.Module):
    """Half of what goes on is detached, or computed without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        with torch.no_grad():
            aim = functional.softmax(self.second(h), 1)
            with torch.enable_grad():
                scale = h.norm()
        h = torch.tanh(self.second(h)) * aim + h.detach() / scale
        return self.third(h) - self.third(h.detach().roll(1, 0)).detach()


def stopped() -> Case:
    layers = {name: weight_and_bias(name) for name in ("first", "second", "third")}
    return Case(Stopped(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class StraightThrough(nn.Module):
    """Rounding whose gradient is that of the identity, by detach."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = h + (h.mul(4).round().div(4) - h).detach()
        return self.third(torch.tanh(self.second(h)))


def straight_through() -> Case:
    layers = {name: weight_and_bias(name) for name in ("first", "second", "third")}
    return Case(StraightThrough(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Checkpointed(nn.Module):
    """Blocks that are computed again in the backward pass, with dropout inside."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(4, 5)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Dropout(0.2), nn.Linear(5, 5))
            for _ in range(2)
        )
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.lift(x)
        for block in self.blocks:
            h = h + checkpoint(block, h, use_reentrant=False)
        return self.head(h)


def checkpointed() -> Case:
    names = ("lift", "blocks.0.0", "blocks.0.3", "blocks.1.0", "blocks.1.3", "head")
    layers = {name: weight_and_bias(name) for name in names}
    return Case(Checkpointed(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


def evaluation() -> Case:
    """Running statistics, no dropout, and torch's shortcuts for inference left aside."""
    model = nn.Sequential(
        nn.Linear(3, 8),
        nn.TransformerEncoderLayer(8, 2, 12, batch_first=True),
        nn.Flatten(),
        nn.Linear(32, 6),
        nn.BatchNorm1d(6),
        nn.RReLU(),
        nn.Dropout(0.5),
        nn.Linear(6, 3),
    ).eval()
    attention = "1.self_attn"
    layers = {
        "0": weight_and_bias("0"),
        attention: [f"{attention}.in_proj_weight", f"{attention}.in_proj_bias"],
        f"{attention}.out_proj": weight_and_bias(f"{attention}.out_proj", "1.norm1"),
        "1.linear1": weight_and_bias("1.linear1"),
        "1.linear2": weight_and_bias("1.linear2", "1.norm2"),
        "3": weight_and_bias("3", "4"),
        "7": weight_and_bias("7"),
    }
    return Case(model, functional.cross_entropy, gaussian(6, 4, 3), classes(6), layers)


def partly_in_evaluation() -> Case:
    """Fine-tuning as it is done: the lower norm keeps its statistics, the upper one moves them."""
    model = nn.Sequential(
        nn.Linear(4, 5),
        nn.BatchNorm1d(5).eval(),
        nn.Tanh(),
        nn.Linear(5, 5),
        nn.BatchNorm1d(5),
        nn.Dropout(0.2),
        nn.Linear(5, 3),
    )
    layers = {
        "0": weight_and_bias("0", "1"),
        "3": weight_and_bias("3", "4"),
        "6": weight_and_bias("6"),
    }
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


NETWORKS = {
    "no_grad and detach": stopped,
    "straight through by detach": straight_through,
    "checkpointed": checkpointed,
    "in evaluation mode": evaluation,
    "partly in evaluation mode": partly_in_evaluation,
}
