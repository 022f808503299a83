"""Losses that differentiate by themselves, and gradients that are sparse."""

import math
import warnings

import pytest
import torch
from torch import nn

import landscope
from landscope.reading import Status

STEPS = 6


def penalised(model, batch):
    """A loss with a gradient penalty: how fast it changes with the inputs."""
    inputs, targets = batch
    inputs = inputs.clone().requires_grad_(True)
    loss = nn.functional.cross_entropy(model(inputs), targets)
    (slope,) = torch.autograd.grad(loss, inputs, create_graph=True)
    return loss + slope.square().sum()


def batches(inputs=lambda: torch.randn(16, 6)):
    torch.manual_seed(1)
    return [(inputs(), torch.randint(0, 3, (16,))) for _ in range(STEPS)]


def penalised_training(watched):
    """Weights and buffers after a few steps, and the scope."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Softplus(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    scope = landscope.Scope(model, penalised, optimizer, every=2) if watched else None
    for batch in batches():
        if scope:
            scope.before(batch)
        optimizer.zero_grad()
        penalised(model, batch).backward()
        optimizer.step()
        if scope:
            scope.after()
    return model.state_dict(), scope


def test_a_gradient_penalty_is_measured_by_every_probe_and_leaves_no_trace():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ended, scope = penalised_training(watched=True)
    alone, _ = penalised_training(watched=False)
    assert all(torch.equal(ended[name], alone[name]) for name in alone)
    assert not [r for r in scope.readings if r.status in (Status.SKIPPED, Status.NONFINITE)]
    read = {reading.probe for reading in scope.readings}
    probes = {"update", "step_size", "norm_health", "input_drift", "noise_scale", "gradient"}
    assert probes | {"line[paper]", "covariate_shift"} <= read
    assert all(r.value == pytest.approx(1) for r in scope.readings if r.quantity == "agreement")


def test_a_gradient_penalty_does_not_hide_the_statistics_of_a_batch_norm():
    _, scope = penalised_training(watched=True)
    gaps = [r.value for r in scope.readings if r.quantity == "mean_gap"]
    assert gaps
    assert all(map(math.isfinite, gaps))


def test_what_a_loss_with_a_penalty_is_without_a_graph_is_what_it_is_with_one():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Softplus(), nn.Linear(8, 3))
    batch = batches()[0]
    health = landscope.norm_health(model, penalised, batch)
    assert health.training_loss == penalised(model, batch).item()


def test_an_error_of_the_users_own_is_told_as_it_is():
    def broken(model, batch):
        raise RuntimeError("the third tensor does not require gradients of mine")

    model = nn.Linear(6, 3)
    with pytest.raises(RuntimeError, match="of mine"):
        landscope.norm_health(model, broken, batches()[0])


@pytest.mark.parametrize("sparse", [True, False])
def test_a_sparse_gradient_is_the_one_that_was_used(sparse):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(20, 3, sparse=sparse), nn.Flatten(), nn.Linear(6, 3))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scope = landscope.Scope(model, loss_fn, optimizer, every=1, probes=["gradient", "update"])
    for inputs, targets in batches(lambda: torch.randint(0, 20, (16, 2))):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
    agreement = [r.value for r in scope.readings if r.quantity == "agreement"]
    assert agreement == pytest.approx([1.0] * STEPS)
