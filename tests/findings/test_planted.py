"""Faults planted into small trainings, each beside a training that only looks like it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

import landscope

PROBES = ["gradient", "update", "step_size", "norm_health", "input_drift"]
BATCH = 32


def mlp(activation: Callable[[], nn.Module] = nn.ReLU, depth: int = 2) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(8, 16), activation()]
    for _ in range(depth - 1):
        layers += [nn.Linear(16, 16), activation()]
    return nn.Sequential(*layers, nn.Linear(16, 4))


def classified(_: int) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(BATCH, 8)
    return inputs, inputs[:, :4].argmax(1)


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)


@dataclass
class Training:
    model: Callable[[], nn.Module] = mlp
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] = sgd
    batch: Callable[[int], tuple[Tensor, Tensor]] = classified
    loss: Callable[[Tensor, Tensor], Tensor] = field(default_factory=nn.CrossEntropyLoss)
    before: Callable[[nn.Module, int], object] = lambda *_: None
    steps: int = 12
    batches: int = 1
    divided: bool = False

    def findings(self) -> dict[str, landscope.findings.Finding]:
        torch.manual_seed(0)
        model = self.model()
        optimizer = self.optimizer(model)
        scope = landscope.Scope(model, self.loss, optimizer, probes=PROBES, every=1)
        for step in range(self.steps):
            optimizer.zero_grad()
            for number in range(self.batches):
                inputs, targets = self.batch(step)
                self.before(model, step)
                with scope.step(inputs, targets):
                    loss = self.loss(model(inputs), targets)
                    (loss / self.batches if self.divided else loss).backward()
                    if number == self.batches - 1:
                        optimizer.step()
        # Where nothing is measured nothing is found.
        assert not [str(each.function) for each in scope.readings if each.quantity == "failed"]
        return {finding.id: finding for finding in scope.findings()}


class Parts(nn.Module):
    """Two layers and a third, put together by a function."""

    def __init__(self, join: Callable[["Parts", Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)
        self.join = join

    def forward(self, inputs: Tensor) -> Tensor:
        return self.join(self, inputs)


def cut(parts: Parts, inputs: Tensor) -> Tensor:
    return parts.head(parts.second(parts.first(inputs).relu().detach()).relu())


def passed_by(parts: Parts, inputs: Tensor) -> Tensor:
    return parts.head(parts.first(inputs).relu())


def tiny(parts: Parts, inputs: Tensor) -> Tensor:
    hidden = parts.first(inputs).relu()
    return parts.head(hidden + 1e-7 * parts.second(hidden).relu())


def at_random(parts: Parts, inputs: Tensor) -> Tensor:
    hidden = parts.first(inputs).relu()
    if torch.rand(()) < 0.5:
        hidden = hidden + parts.second(hidden).relu()
    return parts.head(hidden)


def biased(value: float, layer: int = 2) -> Callable[[], nn.Module]:
    def made() -> nn.Module:
        model = mlp()
        nn.init.constant_(model[layer].bias, value)
        return model

    return made


def frozen() -> nn.Module:
    model = mlp()
    model[0].requires_grad_(False)
    return model


def head_alone(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model[-1].parameters(), 0.1)


def moved_by_another(model: nn.Module, step: int) -> None:
    """As an optimiser that the scope does not have, or a moving average."""
    with torch.no_grad():
        model[0].weight.mul_(1 - 1e-3)
        model[0].bias.add_(1e-3)
        model[2].weight.mul_(1 - 1e-3)
        model[2].bias.add_(1e-3)


def replaced(model: nn.Module) -> torch.optim.Optimizer:
    optimizer = sgd(model)
    model[-1] = nn.Linear(16, 4)
    return optimizer


def normed(momentum: float = 0.1) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Linear(16, 4)
    )


def pretrained() -> nn.Module:
    model = normed()()
    for _ in range(50):
        model[1](model[0](torch.randn(BATCH, 8)))
    model[1].requires_grad_(False)
    return model


def eval_norm(model: nn.Module, step: int) -> None:
    model.train()
    model[1].eval()


def eval_after(step_of_validation: int) -> Callable[[nn.Module, int], object]:
    return lambda model, step: model.eval() if step == step_of_validation else None


def bfloat(_: int) -> tuple[Tensor, Tensor]:
    inputs, targets = classified(0)
    return inputs.bfloat16(), targets


def one_class(classes: int, run: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    return lambda step: (torch.randn(BATCH, 8), torch.full((BATCH,), step // run % classes))


def scaled(change: Callable[[Tensor], Tensor]) -> Callable[[int], tuple[Tensor, Tensor]]:
    def made(step: int) -> tuple[Tensor, Tensor]:
        inputs, targets = classified(step)
        return change(inputs), targets

    return made


def rare(inputs: Tensor) -> Tensor:
    """One-hot features, some of which come once in a while."""
    return nn.functional.one_hot((inputs[:, 0].abs() * 3).long().clamp(max=7), 8).float()


def one_large(inputs: Tensor) -> Tensor:
    return inputs * torch.tensor([1e4] + [1.0] * 7)


def small_steps(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), 1e-4)


def one_class_at_random(_: int) -> tuple[Tensor, Tensor]:
    return torch.randn(BATCH, 8), torch.randint(4, ()).expand(BATCH)


def rounds(step: int) -> tuple[Tensor, Tensor]:
    """Sorted data that are gone through so fast that each measurement finds another class."""
    return torch.randn(BATCH, 8), torch.full((BATCH,), step * 3 % 4)


class Tokens(nn.Module):
    """An embedding of which a batch uses few rows, and a recurrent layer."""

    def __init__(self, *, sparse: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(500, 16, sparse=sparse)
        self.recurrent, self.head = nn.LSTM(16, 16, batch_first=True), nn.Linear(16, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.recurrent(self.embedding(tokens))[0][:, -1])


def tokens(_: int) -> tuple[Tensor, Tensor]:
    drawn = (torch.rand(BATCH, 4) ** 3 * 500).long()
    return drawn, drawn[:, 0] % 4


class LowRank(nn.Module):
    """A frozen network and beside it a product of two matrices, the second of which begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp().requires_grad_(False)
        self.down, self.up = nn.Linear(8, 4, bias=False), nn.Linear(4, 4, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.body(inputs) + self.up(self.down(inputs))


class Experts(nn.Module):
    """Each sample is given to one of some layers on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(8, 3)
        self.experts = nn.ModuleList(nn.Linear(8, 4) for _ in range(3))

    def forward(self, inputs: Tensor) -> Tensor:
        weights = self.gate(inputs).softmax(-1)
        chosen = zip(inputs, weights.argmax(-1).tolist(), weights, strict=True)
        return torch.stack([self.experts[at](one) * weight[at] for one, at, weight in chosen])


class MixedPrecision(nn.Module):
    """Weights in float32, arithmetic in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp()

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.body(inputs)


def bounded(model: nn.Module, step: int) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.clamp_(-0.05, 0.05)


def by_heart(_: int) -> tuple[Tensor, Tensor]:
    return torch.eye(8), torch.arange(8) % 4


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)


def switched_off() -> nn.Module:
    model = normed()()
    nn.init.constant_(model[1].bias[:10], -10.0)
    return model


def frozen_norm() -> nn.Module:
    model = normed()()
    model[1].requires_grad_(False)
    return model


PLANTED = {
    "detached": ("no-gradient", "first", Training(lambda: Parts(cut))),
    "unused": ("no-gradient", "second", Training(lambda: Parts(passed_by))),
    "dead by bias": ("no-gradient", "layer 0", Training(biased(-100.0))),
    "sigmoids": ("vanishing-gradient", "layer 0", Training(lambda: mlp(nn.Sigmoid, 20))),
    "tiny branch": ("vanishing-gradient", "second", Training(lambda: Parts(tiny))),
    "dead units": ("dead-units", "layer 4", Training(biased(-100.0))),
    "replaced": ("not-optimised", "layer 4", Training(optimizer=replaced)),
    "head alone": ("not-optimised", "layer 0", Training(optimizer=head_alone)),
    "norm in eval": ("norms-in-evaluation", "0 and 1", Training(normed(), before=eval_norm)),
    "forgotten train": ("evaluation-mode", "before", Training(normed(), before=eval_after(3))),
    "momentum 0": ("statistics-still", "1", Training(normed(0.0))),
    "bfloat16": (
        "lost-updates",
        "%",
        Training(
            lambda: mlp().bfloat16(), lambda m: torch.optim.AdamW(m.parameters(), 1e-5), bfloat
        ),
    ),
    "minute rate": (
        "lost-updates",
        "%",
        Training(optimizer=lambda m: torch.optim.SGD(m.parameters(), 1e-7)),
    ),
    "not divided": ("accumulation-not-divided", "4 batches", Training(batches=4)),
    "sorted": ("sorted-data", "4 classes", Training(batch=one_class(4, 3))),
    "sorted, in rounds": ("sorted-data", "4 classes", Training(batch=rounds, steps=15)),
    "two sorted": ("sorted-data", "2 classes", Training(batch=one_class(2, 6))),
    "pixels": ("unscaled-inputs", "root mean", Training(batch=scaled(lambda x: x * 100))),
    "one feature": ("unscaled-inputs", "layer 0", Training(batch=scaled(one_large))),
}

INNOCENT = {
    "healthy": Training(),
    "frozen": Training(frozen),
    "at random": Training(lambda: Parts(at_random)),
    "sigmoids, few": Training(lambda: mlp(nn.Sigmoid, 3)),
    "moved by another": Training(optimizer=head_alone, before=moved_by_another),
    "norm": Training(normed(), steps=40),
    "norm kept as pretrained": Training(pretrained, before=eval_norm),
    "small steps": Training(optimizer=small_steps),
    "divided": Training(batches=4, divided=True),
    "real and generated": Training(batch=one_class(2, 1)),
    "one class alone": Training(batch=one_class(1, 1)),
    "one-hot": Training(batch=scaled(rare)),
    "first a norm": Training(
        lambda: nn.Sequential(nn.BatchNorm1d(8), *mlp()), batch=scaled(lambda x: x * 100)
    ),
    "dropout": Training(
        lambda: nn.Sequential(nn.Linear(8, 64), nn.Dropout(0.9), nn.ReLU(), nn.Linear(64, 4))
    ),
    "channels that a norm switches off": Training(switched_off),
    "norm frozen as it began": Training(frozen_norm, before=eval_norm),
    "one class at random": Training(batch=one_class_at_random, steps=30),
    "tokens": Training(Tokens, adam, tokens),
    "sparse gradients": Training(lambda: Tokens(sparse=True), sgd, tokens),
    "low rank from 0": Training(LowRank),
    "experts": Training(Experts),
    "mixed precision": Training(MixedPrecision),
    "bounded weights": Training(optimizer=adam, before=bounded),
    "learnt by heart": Training(optimizer=adam, batch=by_heart, steps=60),
    "margins kept": Training(optimizer=adam, batch=by_heart, loss=nn.MultiMarginLoss(), steps=60),
    "regression": Training(
        batch=lambda _: (torch.randn(BATCH, 8), torch.randn(BATCH, 4)), loss=nn.MSELoss()
    ),
}

NEW = {
    "no-gradient",
    "vanishing-gradient",
    "dead-units",
    "lost-updates",
    "not-optimised",
    "accumulation-not-divided",
    "evaluation-mode",
    "norms-in-evaluation",
    "statistics-still",
    "sorted-data",
    "unscaled-inputs",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_fault_is_named(name: str) -> None:
    id, said, training = PLANTED[name]  # noqa: A001
    findings = training.findings()
    assert id in findings, sorted(findings)
    assert said in findings[id].sentence, findings[id].sentence
    if name in ("detached", "unused", "dead by bias", "sigmoids", "tiny branch", "bfloat16"):
        assert "step-could-be-larger" not in findings
    if id == "not-optimised":
        assert findings[id].severity == "info"


@pytest.mark.parametrize("name", INNOCENT)
def test_nothing_is_said_of_what_is_as_it_should_be(name: str) -> None:
    findings = INNOCENT[name].findings()
    wrong = {key: finding for key, finding in findings.items() if key in NEW}
    if name in (
        "norm kept as pretrained",
        "norm frozen as it began",
    ):  # which is worth to know, and no more
        assert wrong.pop("norms-in-evaluation").severity == "info"
    assert wrong == {}
