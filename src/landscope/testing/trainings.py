"""Small trainings of several kinds, each step by hand or under the real scope, and what they leave.

Between them: batch and layer norm, dropout, convolutions, attention, an embedding, plain descent,
momentum and AdamW, and a loss of either form.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import trainable
from landscope.probes.probe import Probe
from landscope.probes.snapshot import Snapshot, StepView, TrainedGradients
from landscope.reading import OWN_BATCH, Provenance, Reading
from landscope.scope.scope import Scope

CLASSES = 3
SAMPLES = 8
UPDATES = 3

State = dict[str, object]


@dataclass(frozen=True)
class Training:
    """A network, what trains it, and its batches.

    Args:
        network: Makes the network.
        optimizer: Makes the optimiser of its parameters.
        batch: Makes a batch from a stream: inputs and targets, or one thing that holds both.
        loss_fn: The loss, in the form that fits the batch.
    """

    network: Callable[[], nn.Module]
    optimizer: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]
    batch: Callable[[torch.Generator], tuple[Any, ...]]
    loss_fn: LossFn

    def start(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network with its first weights, always the same, and its optimiser."""
        torch.manual_seed(3)
        model = self.network()
        return model, self.optimizer(model.parameters())

    def batches(self) -> Iterator[tuple[Any, ...]]:
        """The same batches each time."""
        stream = torch.Generator().manual_seed(5)
        while True:
            yield self.batch(stream)

    def loss(self, model: nn.Module, batch: tuple[Any, ...]) -> Tensor:
        """The loss of a batch, as a loop computes it."""
        if len(batch) == 1:
            return self.loss_fn(model, batch[0])
        return self.loss_fn(model(batch[0]), batch[1])

    def update(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Any, ...]
    ) -> None:
        """One update."""
        optimizer.zero_grad()
        self.loss(model, batch).backward()
        optimizer.step()


class _Transformer(nn.Module):
    """One causal block between an embedding and a head, each behind a layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 8)
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attention, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        queries, keys, values = self.attention(self.norm1(x)).chunk(3, -1)
        heads = [part.unflatten(-1, (2, 4)).transpose(1, 2) for part in (queries, keys, values)]
        mixed = functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return self.head(self.norm2(x))


def _convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, CLASSES),
    )


def _dense() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(8, 8),
        nn.BatchNorm1d(8),
        nn.Tanh(),
        nn.Linear(8, CLASSES),
    )


def _plain() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, CLASSES))


def _classified(*shape: int) -> Callable[[torch.Generator], tuple[Any, ...]]:
    def batch(stream: torch.Generator) -> tuple[Any, ...]:
        inputs = torch.randn(SAMPLES, *shape, generator=stream)
        return inputs, torch.randint(CLASSES, (SAMPLES,), generator=stream)

    return batch


def _tokens(stream: torch.Generator) -> tuple[Any, ...]:
    return (torch.randint(5, (SAMPLES, 7), generator=stream),)


def _next_token(model: nn.Module, tokens: Tensor) -> Tensor:
    logits = model(tokens[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def _descent(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)


def _momentum(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def _adamw(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=0.01)


TRAININGS: dict[str, Training] = {
    "convolutional": Training(
        _convolutional, _momentum, _classified(1, 6, 6), functional.cross_entropy
    ),
    "dense": Training(_dense, _adamw, _classified(6), functional.cross_entropy),
    "transformer": Training(_Transformer, _adamw, _tokens, _next_token),
    "plain": Training(_plain, _descent, _classified(6), functional.cross_entropy),
}
"""By name. The first two have batch norms; the second has dropout as well."""


@dataclass(frozen=True)
class Trained:
    """What a training left, and what was read in it."""

    state: State
    readings: tuple[Reading, ...]


def train(training: Training, probes: Sequence[str | Probe] = ()) -> Trained:
    """A few updates, under a scope where there are probes.

    Args:
        training: Which.
        probes: Probes, or names of the table's, which look at each step.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # That a probe failed is among the readings as well.
        warnings.filterwarnings("ignore", message="landscope: ")
        model, optimizer = training.start()
        scope = (
            Scope(model, training.loss_fn, optimizer, probes=probes, every=1) if probes else None
        )
        torch.manual_seed(7)
        for _, batch in zip(range(UPDATES), training.batches(), strict=False):
            with scope.step(*batch) if scope else contextlib.nullcontext():
                training.update(model, optimizer, batch)
        state = state_of(model, optimizer)
    return Trained(state, scope.readings if scope else ())


@dataclass(frozen=True)
class Stand:
    """A training after its second update.

    Args:
        training: Which.
        model: Its network, after the update.
        optimizer: Its optimiser.
        batch: The batch of the update.
        view: What a probe is shown of it.
        snapshot: The view's, which is there.
    """

    training: Training
    model: nn.Module
    optimizer: torch.optim.Optimizer
    batch: tuple[Any, ...]
    view: StepView
    snapshot: Snapshot


def stand(training: Training) -> Stand:
    """A training after its second update, with all that a snapshot can hold."""
    model, optimizer = training.start()
    batches = training.batches()
    previous = _copies(model)
    training.update(model, optimizer, next(batches))
    before, batch = _copies(model), next(batches)
    objective = Objective.now(model, training.loss_fn, *batch)
    training.update(model, optimizer, batch)
    used = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    loss, data_loss, gradient = objective.gradient(before)
    measured = Provenance(mode="training", batch=OWN_BATCH, samples=SAMPLES)
    trained = TrainedGradients(computed=used, used=used)
    shot = Snapshot(objective, before, trainable(model), gradient, measured, trained, previous)
    lr = float(optimizer.param_groups[0]["lr"])
    return Stand(training, model, optimizer, batch, StepView(1, lr, loss, data_loss, shot), shot)


def _copies(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainable(model).items()}


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    """Everything that the next step depends on, as bytes.

    Python's own stream is left out: checkers of types draw from it while tests run.
    """
    found: State = {
        "torch's random stream": bytes_of(torch.get_rng_state()),
        "numpy's random stream": [np.asarray(part).tobytes() for part in np.random.get_state()],
        "whether gradients are enabled": torch.is_grad_enabled(),
        "torch's default type": torch.get_default_dtype(),
        "hooks on the optimiser": hooks_on(optimizer),
    }
    for name, tensor in model.state_dict().items():
        found[f"the value of {name}"] = bytes_of(tensor)
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        found[f"the .grad of {name}"] = None if grad is None else bytes_of(grad)
        found[f"requires_grad of {name}"] = parameter.requires_grad
        found[f"hooks on {name}"] = len(getattr(parameter, "_backward_hooks", None) or ())
        found[f"the optimiser's state of {name}"] = {
            key: bytes_of(value) if isinstance(value, Tensor) else value
            for key, value in optimizer.state.get(parameter, {}).items()
        }
    for name, module in model.named_modules():
        found[f"the mode of {name or 'the network'}"] = module.training
        found[f"hooks on {name or 'the network'}"] = hooks_on(module)
    return found


def bytes_of(tensor: Tensor) -> bytes:
    """A tensor's entries to the last bit."""
    return tensor.detach().contiguous().numpy().tobytes()


def hooks_on(holder: object) -> int:
    """How many hooks of any kind are on a module or an optimiser."""
    return sum(len(found) for kind, found in vars(holder).items() if kind.endswith("_hooks"))
