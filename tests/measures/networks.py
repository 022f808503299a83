"""Small float64 networks, each with its layers written down by hand.

A layer is a weight-bearing module with the norm that follows it; `layers` names them in the order
of execution, which in several of these networks is not the order of registration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass
class Case:
    model: nn.Module
    loss_fn: Callable[[Any, Any], Tensor]
    inputs: Any
    targets: Any
    layers: dict[str, list[str]]

    def parameters_after_a_step(self, scale: float = 0.05) -> dict[str, Tensor]:
        """Parameters moved by random amounts: the metric must not care where the step came from."""
        generator = torch.Generator().manual_seed(7)
        return {
            name: p.detach() + scale * torch.randn(p.shape, generator=generator, dtype=p.dtype)
            for name, p in self.model.named_parameters()
        }


def weight_and_bias(*modules: str) -> list[str]:
    return [f"{module}.{kind}" for module in modules for kind in ("weight", "bias")]


def classes(count: int, seed: int = 3) -> Tensor:
    return torch.randint(0, 3, (count,), generator=torch.Generator().manual_seed(seed))


def gaussian(*shape: int, seed: int = 2) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mlp_with_batch_norm() -> Case:
    model = nn.Sequential(
        nn.Linear(5, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Linear(8, 6, bias=False),
        nn.BatchNorm1d(6),
        nn.Tanh(),
        nn.Linear(6, 3),
    )
    layers = {
        "0": weight_and_bias("0", "1"),
        "3": ["3.weight", *weight_and_bias("4")],
        "6": weight_and_bias("6"),
    }
    return Case(model, functional.cross_entropy, gaussian(16, 5), classes(16), layers)


def plain_mlp() -> Case:
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4), nn.Tanh(), nn.Linear(4, 2))
    layers = {name: weight_and_bias(name) for name in ("0", "2", "4")}
    return Case(model, functional.mse_loss, gaussian(12, 5), gaussian(12, 2, seed=4), layers)


def convolutional() -> Case:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4, eps=1e-3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, padding=1, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5 * 9, 3),
    )
    layers = {
        "0": weight_and_bias("0", "1"),
        "4": ["4.weight", *weight_and_bias("5")],
        "8": weight_and_bias("8"),
    }
    return Case(model, functional.cross_entropy, gaussian(8, 2, 6, 6), classes(8), layers)


class ResidualBlock(nn.Module):
    """Registers its parts in another order than it executes them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.shortcut_norm = nn.BatchNorm2d(4)
        self.norm_b = nn.BatchNorm2d(4)
        self.conv_b = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(2, 4, 1)
        self.norm_a = nn.BatchNorm2d(4)
        self.conv_a = nn.Conv2d(2, 4, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        branch = functional.relu(self.norm_a(self.conv_a(x)))
        branch = self.norm_b(self.conv_b(branch))
        joined = functional.relu(branch + self.shortcut_norm(self.shortcut(x)))
        return self.head(joined.mean((2, 3)))


def residual() -> Case:
    layers = {
        "conv_a": ["conv_a.weight", *weight_and_bias("norm_a")],
        "conv_b": ["conv_b.weight", *weight_and_bias("norm_b")],
        "shortcut": weight_and_bias("shortcut", "shortcut_norm"),
        "head": weight_and_bias("head"),
    }
    return Case(ResidualBlock(), functional.cross_entropy, gaussian(8, 2, 5, 5), classes(8), layers)


class TiedAutoencoder(nn.Module):
    """The encoder's weight is used twice: by the encoder, and transposed by the decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(6, 4)
        self.middle = nn.Linear(4, 4)
        self.decoder = nn.Linear(6, 4)
        self.decoder.weight = self.encoder.weight
        self.decoder.bias = self.encoder.bias

    def forward(self, x: Tensor) -> Tensor:
        code = torch.tanh(self.middle(torch.tanh(self.encoder(x))))
        return self.decoder(functional.pad(code, (0, 2)))


def tied() -> Case:
    """Two modules, one weight: it belongs to the layer that executes first."""
    layers = {"encoder": weight_and_bias("encoder"), "middle": weight_and_bias("middle")}
    return Case(
        TiedAutoencoder(), functional.mse_loss, gaussian(9, 6), gaussian(9, 4, seed=5), layers
    )


class Recurrent(nn.Module):
    """One linear layer called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 2)
        self.again = nn.Linear(4, 4)
        self.lift = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.lift(x))
        for _ in range(3):
            h = torch.tanh(self.again(h))
        return self.out(h)


def recurrent() -> Case:
    layers = {name: weight_and_bias(name) for name in ("lift", "again", "out")}
    return Case(Recurrent(), functional.mse_loss, gaussian(10, 3), gaussian(10, 2, seed=6), layers)


class AddedNoise(nn.Module):
    """Fresh Gaussian noise at every forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + 0.3 * torch.randn_like(x)) + 0.2 * torch.rand_like(x)


def noisy() -> Case:
    model = nn.Sequential(
        nn.Linear(5, 9),
        nn.BatchNorm1d(9),
        AddedNoise(),
        nn.ReLU(),
        nn.Linear(9, 7),
        nn.Dropout(0.4),
        nn.Tanh(),
        nn.Linear(7, 3),
    )
    layers = {
        "0": weight_and_bias("0", "1"),
        "4": weight_and_bias("4"),
        "7": weight_and_bias("7"),
    }
    return Case(model, functional.cross_entropy, gaussian(16, 5), classes(16), layers)


class OneBlockTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.embed(x)).mean(1))


def transformer() -> Case:
    attention = ["block.self_attn.in_proj_weight", "block.self_attn.in_proj_bias"]
    layers = {
        "embed": weight_and_bias("embed"),
        "block.self_attn": attention,
        "block.self_attn.out_proj": weight_and_bias("block.self_attn.out_proj", "block.norm1"),
        "block.linear1": weight_and_bias("block.linear1"),
        "block.linear2": weight_and_bias("block.linear2", "block.norm2"),
        "head": weight_and_bias("head"),
    }
    return Case(
        OneBlockTransformer(), functional.cross_entropy, gaussian(6, 4, 3), classes(6), layers
    )


class ThreeLayers(nn.Module):
    """Three linear layers; subclasses say what happens behind the first and the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

    def between(self, h: Tensor) -> Tensor:
        """What the next layer gets, (batch, 5)."""
        return torch.tanh(h)

    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.between(self.second(self.between(self.first(x)))))


def three_layers(model: nn.Module) -> Case:
    """Four inputs, three classes."""
    layers = {name: weight_and_bias(name) for name in ("first", "second", "third")}
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


BUILDERS: dict[str, Callable[[], Case]] = {
    "mlp with batch norm": mlp_with_batch_norm,
    "plain mlp": plain_mlp,
    "convolutional": convolutional,
    "residual": residual,
    "tied": tied,
    "recurrent": recurrent,
    "noisy": noisy,
    "transformer": transformer,
}


def build(name: str) -> Case:
    """The case of that name, in float64, with every parameter away from 0 and 1."""
    return built(BUILDERS[name])


def built(builder: Callable[[], Case]) -> Case:
    """What a builder builds, in float64, with every parameter away from 0 and 1."""
    torch.manual_seed(11)
    case = builder()
    case.model.double()
    with torch.no_grad():
        for parameter in case.model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return case


def named(builders: dict[str, Callable[[], Case]]) -> dict[str, Callable[[], Case]]:
    """The same builders, of cases in float64 with every parameter away from 0 and 1."""
    return {name: partial(built, builder) for name, builder in builders.items()}


def of_three_layers(networks: dict[str, type[nn.Module]]) -> dict[str, Callable[[], Case]]:
    """Builders of cases with four inputs and three classes."""
    return {
        name: lambda network=network: three_layers(network()) for name, network in networks.items()
    }
