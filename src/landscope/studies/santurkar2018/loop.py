"""The loop: plain stochastic gradient descent at a fixed learning rate, as the paper trains."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from landscope.data.batches import Batch, Batches
from landscope.objective.objective import Objective
from landscope.objective.objective import l2_penalty as penalty_of
from landscope.objective.parameters import Parameters, trainable
from landscope.probes.snapshot import Snapshot, StepView, TrainedGradients
from landscope.reading import Provenance
from landscope.studies.santurkar2018.losses import Loss, accuracy


def train(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    lr: float,
    steps: int,
    start: int = 0,
    l2_penalty: float = 0.0,
    look: Callable[[int], bool] | None = None,
) -> Iterator[StepView]:
    """Train the model in place, yielding a view of each step after its update.

    The penalty is part of the loss, not of the optimiser, so that the gradient and the landscape
    belong to one function. Nothing here waits for the device: a view's numbers are tensors on it.

    Args:
        model: The network; it is put in training mode.
        batches: The batch of each step.
        loss: What is minimised, beside the penalty.
        lr: Learning rate, fixed.
        steps: Number of updates.
        start: The first of them that is taken here, where the model comes from a checkpoint. Plain
            gradient descent carries nothing else from step to step.
        l2_penalty: lambda in ``loss + lambda/2 ||W||^2``, over the weights that are trained.
        look: Whether a step's view shall carry a snapshot. Where it does not, or is
            not given, nothing is copied.

    Yields:
        One view a step, from ``start`` on.
    """
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for step in range(start, steps):
        batch = batches(step)
        kept = _Start.now(model, loss, batch, l2_penalty) if look and look(step) else None
        optimizer.zero_grad(set_to_none=True)
        outputs = model(batch.inputs)
        data_loss = loss.function(outputs, batch.targets)
        # A frozen weight is no part of the landscape: its penalty would be a mere constant.
        trained: Parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        total = data_loss + penalty_of(trained, l2_penalty)
        total.backward()
        optimizer.step()
        yield StepView(
            step=step,
            lr=lr,
            loss=total.detach(),
            data_loss=data_loss.detach(),
            accuracy=accuracy(outputs.detach(), batch.targets) if loss.classifies else None,
            snapshot=kept.finished(model) if kept else None,
        )


@dataclass(frozen=True, eq=False)
class _Start:
    """What must be kept before a step at which a probe looks."""

    objective: Objective
    before: Parameters
    measured: Provenance

    @classmethod
    def now(cls, model: nn.Module, loss: Loss, batch: Batch, penalty: float) -> "_Start":
        before = {name: tensor.clone() for name, tensor in trainable(model).items()}
        objective = Objective.now(
            model, loss.function, batch.inputs, batch.targets, l2_penalty=penalty
        )
        return cls(objective, before, _measured(batch))

    def finished(self, model: nn.Module) -> Snapshot:
        gradient = {
            # Autograd leaves out what the loss does not depend on; there the gradient is zero.
            name: torch.zeros_like(p) if p.grad is None else p.grad
            for name, p in model.named_parameters()
            if p.requires_grad
        }
        # No copies: what looks does so before the next step, and a copy is as large as the model.
        return Snapshot(
            self.objective,
            self.before,
            trainable(model),
            gradient,
            self.measured,
            trained=TrainedGradients(used=gradient),
        )


def _measured(batch: Batch) -> Provenance:
    place = (batch.index, batch.epoch)
    return Provenance(mode="training", place=place, samples=len(batch.inputs))
