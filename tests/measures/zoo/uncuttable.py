"""Networks that cannot be cut: Python looks at a number, or autograd is not left to itself."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tests.measures.networks import Case, built, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional


class ThreeLayers(nn.Module):
    """Three linear layers; subclasses say what happens between them.

    It happens behind the first and behind the second, so that at one place or the other it meets
    numbers that it meets neither before the step nor after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

    def between(self, h: Tensor) -> Tensor:
        """What the next layer gets, (batch, 5)."""
        raise NotImplementedError

    def upto(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the first and the second layer give."""
        h = self.first(x)
        return h, self.second(torch.tanh(self.between(h)))

    def forward(self, x: Tensor) -> Tensor:
        return self.third(torch.tanh(self.between(self.upto(x)[1])))


class Looks(ThreeLayers):
    """Goes one way or another, by what Python sees of a number."""

    def __init__(self, look: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.look = look
        self.thresholds = {"first": 0.0, "second": 0.0}

    def way(self, h: Tensor, behind: str) -> int:
        """How often the network squares what that layer gives."""
        return int(self.look(h.detach().mean() - self.thresholds[behind]))

    def forward(self, x: Tensor) -> Tensor:
        return self.third(torch.tanh(self.squared(self.upto(x)[1], "second")))

    def between(self, h: Tensor) -> Tensor:
        return self.squared(h, "first")

    def squared(self, h: Tensor, behind: str) -> Tensor:
        for _ in range(self.way(h, behind)):
            h = h.square()
        return h


LOOKS: dict[str, Callable[[Tensor], Any]] = {
    "if": lambda number: 2 if number > 0 else 1,
    "while": lambda number: next(k for k in range(3) if not number > k),
    "not": lambda number: not (number > 0),
    "item": lambda number: number.item() > 0,
    "tolist": lambda number: number.tolist() > 0,
    "numpy": lambda number: number.numpy() > 0,
    "asarray": lambda number: np.asarray(number) > 0,
    "from_dlpack": lambda number: np.from_dlpack(number) > 0,
    "int": lambda number: int(number.sign() + 1),
    "float": lambda number: float(number) > 0,
    "index": lambda number: (0, 2)[number > 0],
    "range": lambda number: len(range((number > 0).long())),
    "max": lambda number: max(number, torch.zeros_like(number)) is number,
    "in": lambda number: 1 in number.sign(),
    "is_nonzero": lambda number: torch.is_nonzero(number.relu()),
    "equal": lambda number: torch.equal(number, number.abs()),
    "allclose": lambda number: torch.allclose(number, number.abs()),
}


def looks(look: Callable[[Tensor], Any]) -> Case:
    """Each threshold lies halfway between what its layer gives before and after its own step.

    The layers before it have moved both times, as they have where Definition 2.1 measures it.
    """
    case = built(lambda: three_layers(Looks(look)))
    for index, behind in enumerate(case.model.thresholds):
        numbers = [
            stood_at(case, moved).upto(case.inputs)[index].mean().item()
            for moved in (("first", "second")[:index], ("first", "second")[: index + 1])
        ]
        case.model.thresholds[behind] = sum(numbers) / 2
    return case


def stood_at(case: Case, moved: tuple[str, ...]) -> Any:
    """A copy of the network, some layers of it after their step."""
    twin = copy.deepcopy(case.model)
    after = case.parameters_after_a_step()
    twin.load_state_dict(
        {n: after[n] if n.split(".")[0] in moved else p for n, p in twin.named_parameters()}
    )
    return twin


def three_layers(model: nn.Module) -> Case:
    layers = {name: weight_and_bias(name) for name in ("first", "second", "third")}
    return Case(model, functional.cross_entropy, gaussian(8, 4), classes(8), layers)


class ScalesByAnItem(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return h / h.norm().item()


class ThroughNumpy(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return h * torch.from_numpy(np.cos(h.detach().numpy()))


class ThroughAList(ThreeLayers):
    def between(self, h: Tensor) -> Tensor:
        return h - torch.tensor(h.mean(0).tolist(), dtype=h.dtype)


class StopsWhenSmall(ThreeLayers):
    """As many iterations as the data ask for."""

    def between(self, h: Tensor) -> Tensor:
        while h.norm() > 0.5:
            h = 0.97 * h + 0.01 * torch.tanh(h)
        return h


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
        return SignStraightThrough.apply(h) + 0.1 * h


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


NETWORKS: dict[str, Callable[[], Case]] = {
    **{f"Python looks: {name}": lambda look=look: looks(look) for name, look in LOOKS.items()},
    **{
        name: lambda network=network: built(lambda: three_layers(network()))
        for name, network in {
            "scales by an item": ScalesByAnItem,
            "through NumPy": ThroughNumpy,
            "through a list": ThroughAList,
            "stops when small": StopsWhenSmall,
            "an autograd function of its own": OwnFunction,
            "a reversed gradient": Adversarial,
            "a hook on a tensor": TensorHook,
        }.items()
    },
}


def uncuttable(name: str) -> Case:
    """The network of that name, in float64, with every parameter away from 0 and 1."""
    return NETWORKS[name]()
