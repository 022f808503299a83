"""One probe's readings during a training, and the same training's steps, gone over by hand."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tests.small_networks import Setting
from torch import Tensor, nn

from landscope.objective.objective import l2_penalty as penalty_of
from landscope.probes.probe import Probe
from landscope.reading import Reading
from landscope.scope.scope import Scope
from landscope.studies.measuring import Heard, quietly
from landscope.studies.santurkar2018.losses import descend


def readings_of(probe: Probe, setting: Setting, *, steps: int, l2_penalty: float) -> list[Reading]:
    """What a probe writes while a network is trained under a scope."""
    written: list[Reading] = []
    for _ in scoped(setting, [probe], written, steps=steps, l2_penalty=l2_penalty):
        pass
    return [reading for reading in written if reading.probe == probe.id]


def scoped(
    setting: Setting,
    probes: list[Probe],
    written: list[Reading],
    *,
    steps: int,
    l2_penalty: float = 0.0,
) -> Iterator[list[Tensor]]:
    """Plain descent under a scope; gives after each step what ``descend`` gave.

    Raises:
        LandscopeError: A probe could not measure.
    """
    heard = Heard(written.append, strict=True)
    optimizer = torch.optim.SGD(setting.model.train().parameters(), lr=setting.lr)
    scope = Scope(
        setting.model,
        setting.loss.function,
        optimizer,
        probes=probes,
        every=1,
        to=heard,
        l2_penalty=l2_penalty,
    )
    with quietly(scope):
        for step in range(steps):
            batch = setting.batches(step)
            with scope.step(batch.inputs, batch.targets):
                found = descend(setting.model, batch, setting.loss, optimizer, l2_penalty)
            heard.check()
            yield found


@dataclass
class Step:
    """A step as a user could hold it: copies of the network, and the stream before its pass."""

    number: int
    before: nn.Module
    after: dict[str, Tensor]
    inputs: Tensor
    targets: Tensor
    stream: Tensor
    next_stream: Tensor
    l2_penalty: float
    setting: Setting

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss with its penalty, read off the network that stands before the step."""
        weights = dict(self.before.named_parameters())
        return self.setting.loss.function(outputs, targets) + penalty_of(weights, self.l2_penalty)

    @property
    def batch(self) -> tuple[nn.Module, object, Tensor, Tensor]:
        """What landscope's public functions take, with the stream set to that of the step."""
        torch.set_rng_state(self.stream)
        return self.before, self.loss, self.inputs, self.targets


def steps_by_hand(setting: Setting, *, steps: int, l2_penalty: float) -> Iterator[Step]:
    """The same training with PyTorch alone: a loop as anybody writes it."""
    model = setting.model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=setting.lr)
    for number in range(steps):
        batch = setting.batches(number)
        stream, before = torch.get_rng_state(), copy.deepcopy(model)
        optimizer.zero_grad()
        loss = setting.loss.function(model(batch.inputs), batch.targets)
        (loss + penalty_of(dict(model.named_parameters()), l2_penalty)).backward()
        optimizer.step()
        after = {name: p.detach().clone() for name, p in model.named_parameters()}
        following = torch.get_rng_state()
        yield Step(
            number,
            before,
            after,
            batch.inputs,
            batch.targets,
            stream,
            following,
            l2_penalty,
            setting,
        )
        torch.set_rng_state(following)


def at(readings: list[Reading], step: int, layer: str | None = None) -> dict[str, Reading]:
    """The readings of a step and a layer, by quantity."""
    return {r.quantity: r for r in readings if (r.step, r.layer) == (step, layer)}


def values(readings: dict[str, Reading], *quantities: str) -> list[object]:
    return [readings[quantity].value for quantity in quantities]
