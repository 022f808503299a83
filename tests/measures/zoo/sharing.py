"""Weights in more than one place, bare weights, and orders that registration does not tell."""

import torch
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional


class TwiceCalled(nn.Module):
    """One module before and after another."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(5)
        self.between = nn.Linear(5, 5)
        self.twice = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.norm(self.twice(x)))
        x = torch.tanh(self.norm(self.between(x)))
        return self.twice(x)


def twice_called() -> Case:
    layers = {"twice": weight_and_bias("twice", "norm"), "between": weight_and_bias("between")}
    return Case(TwiceCalled(), functional.mse_loss, gaussian(8, 5), gaussian(8, 5, seed=3), layers)


class TwiceApplied(nn.Module):
    """One weight in two functional calls, transposed in the second."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4))
        self.shift = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.softplus(functional.linear(x, self.weight))
        return functional.linear(hidden, self.weight.t(), self.shift)


def twice_applied() -> Case:
    """A bare shift is of the layer that owns it, however late it is used."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), TwiceApplied(), nn.Tanh(), nn.Linear(4, 2))
    layers = {
        "0": weight_and_bias("0"),
        "2": ["2.weight", "2.shift"],
        "4": weight_and_bias("4"),
    }
    return Case(model, functional.mse_loss, gaussian(8, 4), gaussian(8, 2, seed=3), layers)


class Embraces(nn.Module):
    """A layer whose two weights stand before and after another layer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(5, 4)
        self.outside = nn.ParameterDict(
            {"last": nn.Parameter(torch.randn(3, 4)), "first": nn.Parameter(torch.randn(5, 4))}
        )

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sigmoid(x @ self.outside["first"].T)
        return torch.sigmoid(self.inner(x)) @ self.outside["last"].T


def embraces() -> Case:
    layers = {
        "outside": ["outside.first", "outside.last"],
        "inner": weight_and_bias("inner"),
    }
    return Case(Embraces(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Disordered(nn.Module):
    """Branches that run in another order than they are registered in, chosen by an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({name: nn.Linear(4, 3) for name in "abc"})
        self.route = "cab"

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.branches[name](x).tanh() for name in self.route]).prod(0)


def disordered() -> Case:
    layers = {f"branches.{name}": weight_and_bias(f"branches.{name}") for name in "cab"}
    return Case(Disordered(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Partial(nn.Module):
    """A frozen layer between, a layer that nothing uses, and a branch that is switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(4, 4)
        self.first = nn.Linear(4, 5)
        self.frozen = nn.Linear(5, 5).requires_grad_(requires_grad=False)
        self.norm = nn.BatchNorm1d(5)
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.norm(self.frozen(torch.tanh(self.first(x))))))


def partial() -> Case:
    """What is frozen is in no layer; a norm behind it is of the trained layer before."""
    layers = {"first": weight_and_bias("first", "norm"), "last": weight_and_bias("last")}
    return Case(Partial(), functional.mse_loss, gaussian(8, 4), gaussian(8, 2, seed=3), layers)


class FrozenBias(nn.Module):
    """Of one layer the weight is frozen, of the other the bias."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.second = nn.Linear(5, 5)
        self.third = nn.Linear(5, 2)
        self.second.bias.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.third(torch.tanh(self.second(torch.tanh(self.first(x)))))


def frozen_bias() -> Case:
    layers = {
        "first": weight_and_bias("first"),
        "second": ["second.weight"],
        "third": weight_and_bias("third"),
    }
    return Case(FrozenBias(), functional.mse_loss, gaussian(8, 4), gaussian(8, 2, seed=3), layers)


NETWORKS = {
    "one module called twice": twice_called,
    "one weight in two calls": twice_applied,
    "a layer around a layer": embraces,
    "another order than registered": disordered,
    "frozen and unused": partial,
    "a frozen bias": frozen_bias,
}
