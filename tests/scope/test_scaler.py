"""Training in float16 with a `GradScaler`: skipped updates are none, and its scale is used."""

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for

from landscope.scope.scope import Scope


def train(*, scoped, init_scale, updates=4):
    model = network(Kind(norm="layer"))
    optimizer = optimizer_for(Kind(), model)
    scaler = torch.amp.GradScaler("cpu", init_scale=init_scale)
    scope = None
    if scoped:
        scope = Scope(model, loss_fn, optimizer, every=1, probes="standard", scaler=scaler)
    skipped = 0
    for inputs, targets in batches(updates):
        block = scope.step(inputs, targets) if scope else torch.enable_grad()
        with block:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.float16):
                loss = loss_fn(model(inputs), targets)
            scaler.scale(loss).backward()
            scale = scaler.get_scale()
            scaler.step(optimizer)
            scaler.update()
            skipped += scaler.get_scale() < scale
    weights = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return weights, scaler.get_scale(), skipped, scope


def test_a_scaler_leaves_the_same_bytes():
    assert train(scoped=True, init_scale=2.0**10)[:3] == train(scoped=False, init_scale=2.0**10)[:3]


def test_updates_that_the_scaler_skips_are_no_steps():
    *plain, _ = train(scoped=False, init_scale=2.0**40, updates=30)
    *found, scope = train(scoped=True, init_scale=2.0**40, updates=30)

    assert found == plain
    skipped = plain[2]
    assert 0 < skipped < 30
    assert scope.steps == 30 - skipped
    assert {r.step for r in scope.readings if r.key == "gradient/loss"} == set(range(scope.steps))


def test_the_gradient_is_that_of_the_scaled_loss_and_agrees_with_the_one_used():
    *_, scope = train(scoped=True, init_scale=2.0**10)
    agreements = [r.value for r in scope.readings if r.key == "gradient/agreement"]

    assert agreements == [pytest.approx(1.0, abs=1e-6)] * 4
    assert not [r for r in scope.readings if r.quantity == "failed"]
