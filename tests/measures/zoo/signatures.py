"""Several inputs and outputs, and losses that want more than outputs and targets."""

import functools
from dataclasses import dataclass

import torch
from tests.measures.networks import (
    Case,
    ThreeLayers,
    classes,
    gaussian,
    three_layers,
    weight_and_bias,
)
from torch import Tensor, nn
from torch.nn import functional


class Pair(nn.Module):
    """Two inputs joined by a bilinear form; keywords, or a tuple in order."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.join = nn.Bilinear(4, 4, 5)
        self.lift = nn.Linear(3, 4)

    def forward(self, left: Tensor, right: Tensor, scale: float = 1.0) -> Tensor:
        return self.head(torch.tanh(self.join(self.lift(left), right)) * scale)


PAIR_LAYERS = {name: weight_and_bias(name) for name in ("lift", "join", "head")}


def tuple_inputs() -> Case:
    inputs = (gaussian(6, 3), gaussian(6, 4, seed=4))
    return Case(Pair(), functional.cross_entropy, inputs, classes(6), PAIR_LAYERS)


def keyword_inputs() -> Case:
    inputs = {"right": gaussian(6, 4, seed=4), "left": gaussian(6, 3), "scale": 0.7}
    return Case(Pair(), functional.cross_entropy, inputs, classes(6), PAIR_LAYERS)


@dataclass
class Found:
    classes: Tensor
    box: Tensor
    extra: dict[str, list[Tensor]]


class Detector(nn.Module):
    """A dataclass of outputs, a list of features among them."""

    def __init__(self) -> None:
        super().__init__()
        self.box = nn.Linear(5, 4)
        self.classes = nn.Linear(5, 3)
        self.body = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Found:
        h = torch.tanh(self.body(x))
        return Found(self.classes(h), self.box(h).exp(), {"features": [h]})


def detection_loss(found: Found, truth: dict[str, Tensor], *, box_weight: float) -> Tensor:
    named = functional.cross_entropy(found.classes, truth["class"], label_smoothing=0.1)
    placed = functional.smooth_l1_loss(found.box, truth["box"], reduction="none").mean(1)
    calm = found.extra["features"][0].square().mean()
    return named + box_weight * (placed * truth["has box"]).sum() + 0.1 * calm


def detector() -> Case:
    layers = {name: weight_and_bias(name) for name in ("body", "classes", "box")}
    truth = {
        "class": classes(6),
        "box": gaussian(6, 4, seed=4),
        "has box": torch.tensor([1.0, 0, 1, 1, 0, 1]).double(),
    }
    loss_fn = functools.partial(detection_loss, box_weight=0.5)
    return Case(Detector(), loss_fn, gaussian(6, 4), truth, layers)


class SeveralOutputs(nn.Module):
    """Outputs by name, with an auxiliary head in the middle of the network."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Linear(5, 3)
        self.auxiliary = nn.Linear(5, 3)
        self.upper = nn.Linear(5, 5)
        self.lower = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor | tuple[Tensor, int]]:
        h = torch.tanh(self.lower(x))
        early = self.auxiliary(h)
        h = torch.tanh(self.upper(h))
        return {"early": (early, 1), "late": self.main(h)}


def two_losses(outputs: dict[str, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    early, _ = outputs["early"]
    return functional.cross_entropy(outputs["late"], targets[0]) + functional.mse_loss(
        early, targets[1]
    )


def several_outputs() -> Case:
    layers = {name: weight_and_bias(name) for name in ("lower", "auxiliary", "upper", "main")}
    targets = (classes(6), gaussian(6, 3, seed=4))
    return Case(SeveralOutputs(), two_losses, gaussian(6, 4), targets, layers)


class Penalised(nn.Module):
    """A loss that holds the model, for a penalty on all of its weights."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        penalty = sum(p.square().sum() * p.abs().mean() for p in self.model.parameters())
        return functional.cross_entropy(outputs, targets) + 0.01 * penalty


def penalty() -> Case:
    """A penalty that is a product over each tensor, so that no layer's is another's."""
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 3))
    layers = {name: weight_and_bias(name) for name in ("0", "2", "4")}
    return Case(model, Penalised(model), gaussian(6, 4), classes(6), layers)


class Coupled(Penalised):
    """A penalty on the product of the norms, which couples every layer to every other."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        norms = [p.norm() for p in self.model.parameters()]
        return functional.cross_entropy(outputs, targets) + 0.01 * torch.stack(norms).prod()


def coupled() -> Case:
    case = penalty()
    case.loss_fn = Coupled(case.model)
    return case


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


NETWORKS = {
    "a tuple of inputs": tuple_inputs,
    "inputs by keyword": keyword_inputs,
    "a dataclass of outputs": detector,
    "a dict of outputs": several_outputs,
    "a penalty": penalty,
    "a penalty that couples": coupled,
    "a weight of the loss": prototypes,
    "a loss that logs": logging_loss,
    "gives its loss": gives_its_loss,
}
