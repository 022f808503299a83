"""Networks with a state of their own: running statistics, parametrisations, recurrent cells."""

import torch
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations


def cumulative_batch_norm() -> Case:
    """momentum=None: the weight of the average is read from the number of batches seen."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.BatchNorm2d(4, momentum=None),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.BatchNorm2d(4, momentum=None),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    layers = {
        "0": weight_and_bias("0", "1"),
        "3": weight_and_bias("3", "4"),
        "7": weight_and_bias("7"),
    }
    return Case(model, functional.cross_entropy, gaussian(6, 2, 6, 6), classes(6), layers)


class BatchRenorm(nn.Module):
    """Ioffe 2017: writes its own running statistics in place, and normalises with them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.register_buffer("last", torch.zeros(width))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = x.mean(0), x.std(0, correction=0) + 0.1
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(mean, 0.3)
                self.spread.lerp_(spread, 0.3)
                self.last.copy_(x[0])
                self.seen += 1
        r = (spread.detach() / self.spread).clamp(0.5, 2)
        d = (mean.detach() - self.mean) / self.spread
        y = (x - mean) / spread * r + d + 0.1 * self.last / self.seen.clamp(min=1)
        return y * self.scale + self.shift


def batch_renorm() -> Case:
    model = nn.Sequential(
        nn.Linear(4, 5),
        BatchRenorm(5),
        nn.Tanh(),
        nn.Linear(5, 5),
        BatchRenorm(5),
        nn.Tanh(),
        nn.Linear(5, 3),
    )
    layers = {
        "0": [*weight_and_bias("0"), "1.scale", "1.shift"],
        "3": [*weight_and_bias("3"), "4.scale", "4.shift"],
        "6": weight_and_bias("6"),
    }
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


def shared_statistics() -> Case:
    """One renorm before and after a layer: it reads what it wrote when it was called before."""
    norm = BatchRenorm(5)
    model = nn.Sequential(
        nn.Linear(4, 5), norm, nn.Tanh(), nn.Linear(5, 5), norm, nn.Tanh(), nn.Linear(5, 3)
    )
    layers = {
        "0": [*weight_and_bias("0"), "1.scale", "1.shift"],
        "3": weight_and_bias("3"),
        "6": weight_and_bias("6"),
    }
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Unregistered(nn.Module):
    """Statistics that are no buffers, written on in place: alone, in a list, and one as both."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean = torch.zeros(width, dtype=torch.float64)
        self.more = [torch.ones(width, dtype=torch.float64), self.mean]

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.mean.lerp_(x.mean(0), 0.3)
            self.more[0].mul_(0.5).add_(x.square().mean(0))
        return (x - self.more[1]) / self.more[0].sqrt()


def unregistered_statistics() -> Case:
    model = nn.Sequential(
        nn.Linear(4, 5),
        Unregistered(5),
        nn.Tanh(),
        nn.Linear(5, 5),
        Unregistered(5),
        nn.Tanh(),
        nn.Linear(5, 3),
    )
    layers = {name: weight_and_bias(name) for name in ("0", "3", "6")}
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class EmaTarget(nn.Module):
    """Buffers replaced by assignment, and a slow copy of a weight kept as one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        self.register_buffer("slow", torch.zeros(5, 5))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        with torch.no_grad():
            self.slow = 0.5 * self.slow + 0.5 * self.second.weight
            aim = torch.tanh(functional.linear(h, self.slow))
        return self.head(torch.tanh(self.second(h)) - 0.5 * aim)


def slow_copy() -> Case:
    layers = {name: weight_and_bias(name) for name in ("first", "second", "head")}
    return Case(EmaTarget(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


def parametrised() -> Case:
    """spectral_norm iterates on buffers at each pass; weight_norm splits a weight in two.

    The layer is the module whose weight it is, not the one that computes the weight.
    """
    model = nn.Sequential(
        parametrizations.spectral_norm(nn.Linear(4, 5)),
        nn.Tanh(),
        parametrizations.weight_norm(nn.Linear(5, 5)),
        nn.Tanh(),
        parametrizations.spectral_norm(nn.Conv1d(1, 2, 3)),
        nn.Flatten(),
        nn.Linear(6, 3),
    )
    model.insert(4, nn.Unflatten(1, (1, 5)))
    original = "parametrizations.weight.original"
    layers = {
        "0": ["0.bias", f"0.{original}"],
        "2": ["2.bias", f"2.{original}0", f"2.{original}1"],
        "5": ["5.bias", f"5.{original}"],
        "7": weight_and_bias("7"),
    }
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Recurrent(nn.Module):
    """Two kinds of recurrent layer, one above the other; torch's own loops."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.upper = nn.LSTM(4, 5, num_layers=2, dropout=0.2, batch_first=True)
        self.lower = nn.GRU(3, 4, bidirectional=True)
        self.merge = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.lower(x)
        h, (last, _) = self.upper(self.merge(h).transpose(0, 1))
        return self.head(h[:, -1] + last[0])


def recurrent_names(module: str, *levels: str) -> list[str]:
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [f"{module}.{kind}_{level}" for level in levels for kind in kinds]


def recurrent() -> Case:
    """A module with several weights is one layer, as `nn.LSTM` is with two levels."""
    layers = {
        "lower": recurrent_names("lower", "l0", "l0_reverse"),
        "merge": weight_and_bias("merge"),
        "upper": recurrent_names("upper", "l0", "l1"),
        "head": weight_and_bias("head"),
    }
    return Case(Recurrent(), functional.cross_entropy, gaussian(4, 6, 3), classes(6), layers)


class Cells(nn.Module):
    """Cells called in a loop of Python, on sequences packed by their lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 5)
        self.packed = nn.GRU(3, 4, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        h, _ = nn.utils.rnn.pad_packed_sequence(self.packed(packed)[0], batch_first=True)
        state = None
        for moment in h.unbind(1):
            state = self.cell(moment, state)
        return self.head(state[0])


def cells() -> Case:
    cell = [f"cell.{kind}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    layers = {
        "packed": recurrent_names("packed", "l0"),
        "cell": cell,
        "head": weight_and_bias("head"),
    }
    inputs = (gaussian(6, 4, 3), torch.tensor([4, 4, 3, 2, 2, 1]))
    return Case(Cells(), functional.cross_entropy, inputs, classes(6), layers)


NETWORKS = {
    "cumulative batch norm": cumulative_batch_norm,
    "batch renorm": batch_renorm,
    "shared statistics": shared_statistics,
    "statistics that are no buffers": unregistered_statistics,
    "a slow copy of a weight": slow_copy,
    "parametrised weights": parametrised,
    "recurrent": recurrent,
    "cells": cells,
}
