"""Networks that steer the gradient's way: no_grad, detach, checkpoints, evaluation mode."""

from typing import Any

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
from torch.autograd import forward_ad
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


class Reentrant(ThreeLayers):
    """The old kind of checkpoint, which runs a backward pass of its own."""

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(functional.dropout(h, 0.2, self.training))

    def forward(self, x: Tensor) -> Tensor:
        h = checkpoint(lambda h: self.second(self.between(h)), self.first(x), use_reentrant=True)
        return self.third(self.between(h))


class BackwardHook(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.second.register_full_backward_hook(lambda _, into, __: (0.3 * into[0],))


class BackwardPreHook(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.second.register_full_backward_pre_hook(lambda _, out: (out[0].clamp(-0.01, 0.01),))


class SignStraightThrough(torch.autograd.Function):
    """The sign, whose backward is that of a clipped identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() < 1)


class OwnFunction(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(SignStraightThrough.apply(h) + 0.1 * h)


class ReversesGradient(torch.autograd.Function):
    """Ganin & Lempitsky 2015: nothing forward, minus the gradient backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004  torch's signature
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return -0.5 * gradient


class Adversarial(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return ReversesGradient.apply(torch.tanh(h))


class TensorHook(ThreeLayers):
    """As for models of proteins: the gradient is scaled on its way."""

    def between(self, h: Tensor) -> Tensor:
        h = torch.tanh(h)
        if h.requires_grad:
            h.register_hook(lambda gradient: 0.3 * gradient)
        return h


class Twins(nn.Module):
    """Layers of one shape in one checkpoint: what one keeps could be taken for the other's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(self.second(torch.tanh(self.first(h))))

    def forward(self, x: Tensor) -> Tensor:
        return self.third(checkpoint(self.between, x, use_reentrant=False))


class TwinsInASequence(Twins):
    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Sequential(self.first, nn.Tanh(), self.second, nn.Tanh())

    def between(self, h: Tensor) -> Tensor:
        return self.both(h)


class Tangent(ThreeLayers):
    """The derivative by the inputs, forward: what a module gives has a tangent."""

    def forward(self, x: Tensor) -> Tensor:
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x, torch.ones_like(x))
            both = super().forward(dual) + dual[:, :3]  # which has a tangent in any case
            value, tangent = forward_ad.unpack_dual(both)
        assert tangent is not None
        return value + tangent


class Push(ThreeLayers):
    """The same by a transform."""

    def forward(self, x: Tensor) -> Tensor:
        value, tangent = torch.func.jvp(super().forward, (x,), (torch.ones_like(x),))
        return value + tangent


NETWORKS = {
    "no_grad and detach": stopped,
    "straight through by detach": straight_through,
    "checkpointed": checkpointed,
    "in evaluation mode": evaluation,
    "partly in evaluation mode": partly_in_evaluation,
    **of_three_layers(
        {
            "forces": Forces,
            "vmap": Mapped,
            "torch.func.grad": FunctionalGradient,
            "inference mode": Inference,
            "offloads": OffLoads,
            "a reentrant checkpoint": Reentrant,
            "a hook on a module's backward": BackwardHook,
            "a hook before a module's backward": BackwardPreHook,
            "an autograd function of its own": OwnFunction,
            "a reversed gradient": Adversarial,
            "a hook on a tensor": TensorHook,
            "twins in a checkpoint": Twins,
            "twins in a sequence in a checkpoint": TwinsInASequence,
            "a tangent": Tangent,
            "torch.func.jvp": Push,
        }
    ),
}
