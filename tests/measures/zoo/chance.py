"""Networks that draw: both gradients of a layer must see the same draws."""

import numpy as np
import torch
from tests.measures.networks import (
    Case,
    ThreeLayers,
    classes,
    gaussian,
    of_three_layers,
    weight_and_bias,
)
from torch import Tensor, nn
from torch.nn import functional


def dropouts() -> Case:
    model = nn.Sequential(
        nn.Dropout(0.2),
        nn.Conv2d(2, 4, 3),
        nn.Dropout2d(0.3),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3),
        nn.FeatureAlphaDropout(0.3),
        nn.SELU(),
        nn.AlphaDropout(0.3),
        nn.Flatten(),
        nn.Linear(16, 6),
        nn.Dropout(0.5, inplace=True),
        nn.ReLU(),
        nn.Linear(6, 3),
    )
    layers = {name: weight_and_bias(name) for name in ("1", "4", "9", "12")}
    return Case(model, functional.cross_entropy, gaussian(8, 2, 6, 6), classes(8), layers)


class Noise(nn.Module):
    """Every way to draw: like, new, in place, from a distribution, and by a functional dropout."""

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.1 * torch.randn_like(x) * torch.rand(x.shape[1], dtype=x.dtype)
        x = x + torch.empty_like(x).uniform_(-0.1, 0.1) + 0.1 * x.new_empty(1).normal_()
        x = x * torch.bernoulli(torch.full_like(x, 0.9)) + torch.normal(0 * x.detach(), 0.1)
        return functional.dropout(x, 0.2, self.training) * (1 + 0.1 * torch.randperm(2)[0])


def noise() -> Case:
    model = nn.Sequential(
        nn.Linear(4, 6), Noise(), nn.Tanh(), nn.Linear(6, 6), Noise(), nn.Tanh(), nn.Linear(6, 3)
    )
    layers = {name: weight_and_bias(name) for name in ("0", "3", "6")}
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Gumbel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.logits, self.codes, self.head = nn.Linear(4, 5), nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        code = functional.gumbel_softmax(self.logits(x), tau=0.7)
        scores = self.codes(code)
        return self.head(functional.gumbel_softmax(scores, hard=True) * torch.sigmoid(scores))


def gumbel() -> Case:
    layers = {name: weight_and_bias(name) for name in ("logits", "codes", "head")}
    return Case(Gumbel(), functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class Variational(nn.Module):
    """A sample by reparametrisation, through torch's distributions."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 6), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = self.encode(x).chunk(2, 1)
        code = torch.distributions.Normal(mean, spread.exp(), validate_args=False)
        prior = torch.distributions.Normal(0.0, 1.0, validate_args=False)
        divergence = torch.distributions.kl_divergence(code, prior).sum(1)
        return self.decode(code.rsample()), divergence


def evidence(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    rebuilt, divergence = outputs
    return functional.mse_loss(rebuilt, targets) + 0.1 * divergence.mean()


def variational() -> Case:
    layers = {name: weight_and_bias(name) for name in ("encode", "decode")}
    return Case(Variational(), evidence, gaussian(8, 4), gaussian(8, 4, seed=4), layers)


class LeakyAtRandom(ThreeLayers):
    """RReLU draws a number for each input below 0: how many, the parameters before decide."""

    def between(self, h: Tensor) -> Tensor:
        return functional.dropout(functional.rrelu(h, training=self.training), 0.3, self.training)


class DrawsAsItPleases(ThreeLayers):
    """So do Poisson and gamma variables, by their rates: the masks drawn later depend on it."""

    def between(self, h: Tensor) -> Tensor:
        h = h + 0.1 * torch.poisson(20 * h.detach().abs())
        h = functional.dropout(torch.tanh(h), 0.5, self.training)
        return h * torch._standard_gamma(h.detach().abs() + 0.1)


class StochasticDepth(ThreeLayers):
    """Python asks a draw that does not depend on the parameters."""

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(h) if torch.rand(()) < 0.5 else torch.sin(h)


class HostNoise(ThreeLayers):
    """Numbers of NumPy's own stream, as constants of the pass."""

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(h) * (1 + np.random.random()) + torch.from_numpy(np.random.rand(5))


class Seeds(ThreeLayers):
    """Sets the stream in the middle of the pass."""

    def between(self, h: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            h = h + 0.3 * torch.randn_like(h)
        return functional.dropout(torch.tanh(h), 0.3, self.training)


class OwnGenerator(ThreeLayers):
    """A generator of its own, seeded again at each pass."""

    def between(self, h: Tensor) -> Tensor:
        own = torch.Generator().manual_seed(5)
        return torch.tanh(h + 0.3 * torch.randn(h.shape, generator=own, dtype=h.dtype))


NETWORKS = {
    "dropouts": dropouts,
    "noise": noise,
    "gumbel softmax": gumbel,
    "variational": variational,
    **of_three_layers(
        {
            "RReLU": LeakyAtRandom,
            "draws as it pleases": DrawsAsItPleases,
            "stochastic depth": StochasticDepth,
            "noise of the host": HostNoise,
            "seeds": Seeds,
            "a generator of its own": OwnGenerator,
        }
    ),
}
