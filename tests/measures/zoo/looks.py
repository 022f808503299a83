"""Networks whose way depends on numbers that Python looks at."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tests.measures.networks import Case, ThreeLayers, built, named, of_three_layers, three_layers
from torch import Tensor, nn


class Between(nn.Module):
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


class Looks(Between):
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
    "format": lambda number: f"{number:.3f}"[0] != "-",
    "repr": lambda number: "-" not in repr(number),
    "length of a selection": lambda number: len(number[None][number[None] > 0]),
    "shape of a selection": lambda number: number.masked_select(number > 0).shape[0],
    "size of nonzero": lambda number: (number > 0).nonzero().size(0),
    "number of unique": lambda number: torch.unique(torch.stack([number, number.abs()])).numel(),
    "rows of where": lambda number: torch.where(number[None] > 0)[0].shape[0],
    "repeats": lambda number: torch.ones(1).repeat_interleave((number > 0).long() + 1).numel(),
    "bincount": lambda number: torch.bincount((number > 0).long()[None]).shape[0],
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


class ScalesByAnItem(Between):
    def between(self, h: Tensor) -> Tensor:
        return h / h.norm().item()


class ThroughNumpy(Between):
    def between(self, h: Tensor) -> Tensor:
        return h * torch.from_numpy(np.cos(h.detach().numpy()))


class ThroughAList(Between):
    def between(self, h: Tensor) -> Tensor:
        return h - torch.tensor(h.mean(0).tolist(), dtype=h.dtype)


class StopsWhenSmall(Between):
    """As many iterations as the data ask for."""

    def between(self, h: Tensor) -> Tensor:
        while h.norm() > 0.5:
            h = 0.97 * h + 0.01 * torch.tanh(h)
        return h


class CountsAMask(Between):
    def between(self, h: Tensor) -> Tensor:
        return h * len(h[h.abs() > 0.3]) / 20


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


NETWORKS: dict[str, Callable[[], Case]] = {
    **{f"Python looks: {name}": lambda look=look: looks(look) for name, look in LOOKS.items()},
    **named(
        of_three_layers(
            {
                "scales by an item": ScalesByAnItem,
                "through NumPy": ThroughNumpy,
                "through a list": ThroughAList,
                "stops when small": StopsWhenSmall,
                "counts a mask": CountsAMask,
                "asserts": Asserts,
                "looks at inputs": LooksAtInputs,
            }
        )
    ),
}
