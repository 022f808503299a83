"""Loops of Lightning's Fabric: its modules take no backward pass but its own, and are measured."""

import pytest
import torch
from lightning.fabric import Fabric
from tests.tolerances import FLOAT32
from torch import nn
from torch.nn.functional import cross_entropy

import landscope

pytestmark = [
    pytest.mark.slow,  # the import alone takes seconds
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning"),
]


def train(precision, *, scoped):
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    network = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))
    model, optimizer = fabric.setup(network, torch.optim.SGD(network.parameters(), 0.1))
    scope = landscope.Scope(model, cross_entropy, optimizer, every=1) if scoped else None
    losses = []
    for _ in range(4):
        inputs, targets = torch.randn(16, 6), torch.randint(3, (16,))
        if scope:
            scope.before(inputs, targets)
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), targets)
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=0.5)
        optimizer.step()
        losses.append(loss.item())
        if scope:
            scope.after()
    return losses, [p.detach().float().numpy().tobytes() for p in network.parameters()], scope


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "bf16-true", "64-true"])
def test_what_fabric_has_set_up_is_measured_under_its_precision(precision):
    losses, plain, _ = train(precision, scoped=False)
    _, trained, scope = train(precision, scoped=True)

    assert trained == plain
    assert [r.function for r in scope.readings if r.quantity == "failed"] == []
    FLOAT32.check([r.value for r in scope.readings if r.key == "gradient/loss"], losses)
    assert set(scope.findings().measured.values()) == {4}


def test_fabric_still_asks_the_training_for_its_own_backward_pass():
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    network = nn.Linear(6, 3)
    model, optimizer = fabric.setup(network, torch.optim.SGD(network.parameters(), 0.1))
    scope = landscope.Scope(model, cross_entropy, optimizer, every=1, probes="cheap")
    inputs, targets = torch.randn(16, 6), torch.randint(3, (16,))
    with pytest.raises(RuntimeError, match=r"call `fabric.backward"), scope.step(inputs, targets):
        cross_entropy(model(inputs), targets).backward()
