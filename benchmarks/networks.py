"""The networks of the benchmark: each with and without its norm, a batch, a loss and a step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.resnet import ResNet20
from benchmarks.transformer import TOKENS, VOCABULARY, Encoder
from landscope.data import gaussian
from landscope.errors import UsageError
from landscope.models.mlp import MLP
from landscope.models.table import build
from landscope.norms.table import builder
from landscope.studies.santurkar2018.losses import squared_error

CLASSES = 10
MLP_WIDTH = 256

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Network:
    """One row of the table.

    Args:
        name: The architecture, as on the command line.
        norm: The norm, or "none".
        make: Makes the model in training mode, with the same weights each time.
        batch: Makes a batch of so many samples.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar.
        lr: Learning rate of its training step.
        samples: Samples in a batch, unless told otherwise.
    """

    name: str
    norm: str
    make: Callable[[], nn.Module]
    batch: Callable[[int], Batch]
    loss_fn: Callable[[Tensor, Tensor], Tensor]
    lr: float
    samples: int

    @property
    def title(self) -> str:
        """Name and norm, as in tables."""
        return f"{self.name} / {self.norm}"


def perceptron(depth: int, norm: str) -> nn.Module:
    """A perceptron of so many layers of equal width.

    ReLU halves the second moment, and the models of this project do not make up for it (Glorot).
    Over 50 layers nothing would be left to measure, so the weights get the gain of He et al. 2015.
    """
    widths = (*(MLP_WIDTH,) * depth, CLASSES)
    model = MLP(widths, norm=builder(norm))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(math.sqrt(2))
    return model


def images(samples: int) -> Batch:
    """Gaussian images of 3 x 32 x 32 and classes."""
    return _drawn((samples, 3, 32, 32)), _classes(samples)


def vectors(samples: int) -> Batch:
    """Gaussian vectors and classes."""
    return _drawn((samples, MLP_WIDTH)), _classes(samples)


def sentences(samples: int) -> Batch:
    """Sequences of tokens and classes."""
    draws = torch.Generator().manual_seed(1)
    return torch.randint(VOCABULARY, (samples, TOKENS), generator=draws), _classes(samples)


def linear_map(samples: int) -> Batch:
    """Gaussian vectors of dimension 10 and a random linear map of them."""
    data = gaussian.load(0, samples=samples)
    return data.train_inputs, data.train_targets


def _drawn(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _classes(samples: int) -> Tensor:
    return torch.randint(CLASSES, (samples,), generator=torch.Generator().manual_seed(2))


def _seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def _classifier(
    name: str,
    norm: str,
    make: Callable[[], nn.Module],
    batch: Callable[[int], Batch],
    *,
    samples: int = 64,
) -> Network:
    make = partial(_seeded, make)
    return Network(name, norm, make, batch, functional.cross_entropy, 0.05, samples)


def _dln(norm: str) -> Network:
    # With its norm the gradient does not shrink as the loss falls, and the paper's step is 1e-6.
    make = partial(build, "dln-25", norm=norm)
    return Network("dln", norm, make, linear_map, squared_error, 1e-6, 1000)


_RESNET_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "none": lambda _: nn.Identity(),
}

NETWORKS: tuple[Network, ...] = (
    *(
        _classifier(name, norm, partial(build, name, norm=norm), images)
        for name in ("vgg-11", "vgg-16")
        for norm in ("batch", "none")
    ),
    *(
        _classifier("resnet-20", norm, partial(ResNet20, make), images)
        for norm, make in _RESNET_NORMS.items()
    ),
    *(
        _classifier("transformer-6", norm, partial(Encoder, norm), sentences, samples=32)
        for norm in ("layer", "none")
    ),
    *(_dln(norm) for norm in ("batch", "none")),
    *(
        _classifier("mlp-50", norm, partial(perceptron, 50, norm), vectors)
        for norm in ("batch", "none")
    ),
)
"""All networks, in the order of the table."""

NAMES = tuple(dict.fromkeys(network.name for network in NETWORKS))
"""Their architectures, each once."""


def chosen(names: tuple[str, ...]) -> list[Network]:
    """The rows of some architectures; of all where none is named.

    Raises:
        UsageError: There is no such architecture.
    """
    for name in names:
        if name not in NAMES:
            raise UsageError(
                f"network {name!r}", f"the networks are {', '.join(NAMES)}", "choose some of them"
            )
    return [network for network in NETWORKS if not names or network.name in names]
