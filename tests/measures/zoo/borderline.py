"""Networks that may be cut or not, as long as the numbers are right and nothing is disturbed."""

from collections.abc import Callable

import numpy as np
import torch
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional


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
    layers = {name: weight_and_bias(name) for name in ("first", "second", "third")}
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


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


class Asserts(ThreeLayers):
    """Looks at its numbers, and goes on as it would have done."""

    def between(self, h: Tensor) -> Tensor:
        assert torch.isfinite(h).all()
        if h.requires_grad:
            h.retain_grad()
        return torch.tanh(h)


class LooksAtInputs(ThreeLayers):
    """What Python sees is of the batch alone: no step changes it."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x[x[:, 0] > 0]
        scale = 2.0 if x.mean() > 0 else rows.norm().item()
        h = super().forward(x * scale)
        return h + h[: len(rows)].mean(0)


class Forces(ThreeLayers):
    """A gradient within the pass, itself differentiated: forces from an energy."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            place = x.detach().requires_grad_()
            energy = super().forward(place)
            (force,) = torch.autograd.grad(energy.square().sum(), place, create_graph=True)
        return energy + force[:, :3]


class Mapped(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return torch.vmap(lambda row: torch.tanh(row) * row.norm())(h)


class FunctionalGradient(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return torch.func.grad(lambda h: torch.tanh(h).square().sum())(h)


class Inference(ThreeLayers):
    """A teacher in inference mode: the same weights, no gradient."""

    def between(self, h: Tensor) -> Tensor:
        with torch.inference_mode():
            aim = torch.tanh(h).mean(0)
        return torch.tanh(h) - aim.clone()


class OffLoads(ThreeLayers):
    """What the backward pass needs is kept elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autograd.graph.save_on_cpu():
            return super().forward(x)


class Prototypes(nn.Module):
    """A weight that only the loss uses."""

    def __init__(self) -> None:
        super().__init__()
        self.prototypes = nn.Linear(5, 3)
        self.first, self.second = nn.Linear(4, 5), nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.second(torch.tanh(self.first(x))))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(self.prototypes(outputs), targets)


def prototypes() -> Case:
    model = Prototypes()
    layers = {name: weight_and_bias(name) for name in ("first", "second", "prototypes")}
    return Case(model, model.loss, gaussian(8, 4), classes(8), layers)


def logging_loss() -> Case:
    """A loss that keeps a record of itself, of one element in one dimension."""
    case = three_layers(ThreeLayers())
    seen: list[float] = []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        loss = functional.cross_entropy(outputs, targets)
        seen.append(loss.item())
        return loss[None]

    case.loss_fn = loss_fn
    return case


class GivesItsLoss(ThreeLayers):
    """As in Hugging Face's models: the targets are an input, the loss an output."""

    def forward(self, features: Tensor, labels: Tensor) -> dict[str, Tensor]:
        outputs = super().forward(features)
        return {"loss": functional.cross_entropy(outputs, labels), "outputs": outputs}


def gives_its_loss() -> Case:
    case = three_layers(GivesItsLoss())
    case.inputs, case.targets = {"features": case.inputs, "labels": case.targets}, None
    case.loss_fn = lambda outputs, _: outputs["loss"]
    return case


NETWORKS: dict[str, Callable[[], Case]] = {
    **{
        name: lambda network=network: three_layers(network())
        for name, network in {
            "RReLU": LeakyAtRandom,
            "draws as it pleases": DrawsAsItPleases,
            "stochastic depth": StochasticDepth,
            "noise of the host": HostNoise,
            "seeds": Seeds,
            "a generator of its own": OwnGenerator,
            "asserts": Asserts,
            "looks at inputs": LooksAtInputs,
            "forces": Forces,
            "vmap": Mapped,
            "torch.func.grad": FunctionalGradient,
            "inference mode": Inference,
            "offloads": OffLoads,
        }.items()
    },
    "a weight of the loss": prototypes,
    "a loss that logs": logging_loss,
    "gives its loss": gives_its_loss,
}
