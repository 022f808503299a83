"""Checkpoints of the old kind, whose inside no gradient but that of `backward()` goes through."""

import torch
from tests.tolerances import EXACT64
from torch import nn
from torch.utils.checkpoint import checkpoint

import landscope


class Checkpointed(nn.Module):
    """Its first layers are in the checkpoint, so nothing to train lies before it."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first = nn.Sequential(nn.Linear(5, 4), nn.Tanh())
        self.last = nn.Linear(4, 3)
        self.reentrant = reentrant

    def forward(self, inputs):
        return self.last(checkpoint(self.first, inputs, use_reentrant=self.reentrant))


def batch():
    stream = torch.Generator().manual_seed(2)
    inputs = torch.randn(6, 5, generator=stream, dtype=torch.float64, requires_grad=True)
    return inputs, torch.tensor([0, 1, 2, 0, 1, 2])


def test_the_gradient_of_first_layers_in_one_is_not_lost():
    losses = [
        landscope.line(
            Checkpointed(reentrant=reentrant).double(), nn.functional.cross_entropy, *batch(),
            etas=[0.1, 0.4],
        ).losses
        for reentrant in (True, False)
    ]  # fmt: skip
    EXACT64.check(*losses)


def test_what_the_loss_closes_over_keeps_its_gradient():
    """`backward()` leaves gradients on whatever it reaches."""
    temperature = nn.Parameter(torch.ones((), dtype=torch.float64))
    temperature.grad = given = torch.full((), 3.0, dtype=torch.float64)

    def loss_fn(outputs, targets):
        return nn.functional.cross_entropy(outputs * temperature, targets)

    model = Checkpointed(reentrant=True).double()
    inputs, targets = batch()
    landscope.line(model, loss_fn, inputs, targets, etas=[0.1])
    assert temperature.grad is given
    assert float(given) == 3.0
    assert inputs.grad is None
