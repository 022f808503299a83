"""Small trainings of every kind, with and without a scope, and every byte that they leave."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscope.scope.scope import Scope

CLASSES = 3
FEATURES = 6
BATCH = 8


@dataclass(frozen=True)
class Kind:
    """What kind of training it is."""

    optimizer: str = "sgd"
    norm: str = "batch"
    dropout: bool = False
    bf16: bool = False
    accumulate: int = 1
    compiled: str = ""  # by which backend; not at all unless given

    def __str__(self) -> str:
        words = [self.optimizer, self.norm]
        words += ["dropout"] * self.dropout + ["bf16"] * self.bf16
        words += [self.compiled] * bool(self.compiled)
        return "-".join([*words, str(self.accumulate)])


KINDS = [
    Kind(*settings)
    for settings in itertools.product(
        ("sgd", "adamw"), ("batch", "layer", "group", "none"), (False, True), (False, True), (1, 4)
    )
]

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "group": lambda features: nn.GroupNorm(2, features),
    "none": lambda _: nn.Identity(),
}


def network(kind: Kind) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(FEATURES, 8),
        NORMS[kind.norm](8),
        nn.ReLU(),
        nn.Dropout(0.3 if kind.dropout else 0.0),
        nn.Linear(8, 8),
        NORMS[kind.norm](8),
        nn.Tanh(),
        nn.Linear(8, CLASSES),
    )


def optimizer_for(kind: Kind, model: nn.Module) -> torch.optim.Optimizer:
    if kind.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=0.01)
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def batches(count: int) -> Iterator[tuple[Tensor, Tensor]]:
    stream = torch.Generator().manual_seed(5)
    for _ in range(count):
        inputs = torch.randn(BATCH, FEATURES, generator=stream)
        yield inputs, torch.randint(CLASSES, (BATCH,), generator=stream)


loss_fn = nn.CrossEntropyLoss()


@dataclass
class Trained:
    """A training that is over."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scope: Scope | None
    losses: list[float]

    def traces(self) -> dict[str, object]:
        """All that it leaves, as bytes."""
        found: dict[str, object] = {
            "losses": self.losses,
            "torch stream": torch.get_rng_state().numpy().tobytes(),
            "gradients enabled": torch.is_grad_enabled(),
        }
        for name, tensor in self.model.state_dict().items():
            found[f"value of {name}"] = tensor.numpy().tobytes()
        for name, parameter in self.model.named_parameters():
            grad = parameter.grad
            found[f"gradient of {name}"] = None if grad is None else grad.numpy().tobytes()
            state = self.optimizer.state[parameter]
            found[f"state of {name}"] = {
                key: value.numpy().tobytes() if isinstance(value, Tensor) else value
                for key, value in state.items()
            }
        for name, module in self.model.named_modules():
            found[f"mode of {name}"] = module.training
        found["hooks"] = hooks_on(self.model, self.optimizer)
        return found


def hooks_on(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """How many hooks of any kind hang on a training."""
    holders = [*model.modules(), optimizer]
    own = sum(
        len(found) for it in holders for kind, found in vars(it).items() if kind.endswith("_hooks")
    )
    return own + sum(len(p._backward_hooks or ()) for p in model.parameters())


def train(kind: Kind, *, updates: int = 4, **settings: object) -> Trained:
    """Train a network, with a scope where it is given settings."""
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    called = torch.compile(model, backend=kind.compiled) if kind.compiled else model
    scope = Scope(called, loss_fn, optimizer, **settings) if settings else None
    torch.manual_seed(7)
    losses = []
    for number, (inputs, targets) in enumerate(batches(updates * kind.accumulate), 1):
        with scope.step(inputs, targets) if scope else contextlib.nullcontext():
            with torch.autocast("cpu", torch.bfloat16, enabled=kind.bf16):
                loss = loss_fn(called(inputs), targets) / kind.accumulate
            loss.backward()
            losses.append(loss.item())
            if number % kind.accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
    if scope:
        scope.close()
    return Trained(model, optimizer, scope, losses)
