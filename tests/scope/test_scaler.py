"""Training in float16 with a `GradScaler`: skipped updates are none, and its scale is used."""

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for

from landscope.scope.scope import Scope


def train(*, scoped, init_scale, updates=4, fused=None):
    model = network(Kind(norm="layer"))
    optimizer = torch.optim.AdamW(model.parameters(), fused=True) if fused else None
    optimizer = optimizer or optimizer_for(Kind(), model)
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


def test_a_skipped_update_is_no_batch_of_the_next():
    *_, scope = train(scoped=True, init_scale=2.0**40, updates=30)
    losses = [r for r in scope.readings if r.key == "gradient/loss"]

    assert losses
    assert all("the step's own batch" in str(r.function) for r in losses)
    agreements = [r.value for r in scope.readings if r.key == "gradient/agreement"]
    assert agreements == [pytest.approx(1.0, abs=1e-4)] * len(losses)


def test_a_state_can_be_taken_where_an_update_was_skipped():
    *_, scope = train(scoped=True, init_scale=2.0**126, updates=1)
    assert scope.steps == 0
    assert scope.state_dict()["steps"] == 0


def test_the_gradient_is_that_of_the_scaled_loss_and_agrees_with_the_one_used():
    *_, scope = train(scoped=True, init_scale=2.0**10)
    agreements = [r.value for r in scope.readings if r.key == "gradient/agreement"]

    assert agreements == [pytest.approx(1.0, abs=1e-6)] * 4
    assert not [r for r in scope.readings if r.quantity == "failed"]


# A fused optimiser unscales the gradients, and skips the update, within its own kernel.
def test_a_fused_optimiser_is_given_the_scaled_gradient_and_used_the_measured_one():
    *plain, _ = train(scoped=False, init_scale=2.0**10, fused=True)
    *found, scope = train(scoped=True, init_scale=2.0**10, fused=True)

    assert found == plain
    pairs = zip(
        [r.value for r in scope.readings if r.key == "gradient/gradient_norm"],
        [r.value for r in scope.readings if r.key == "gradient/used_gradient_norm"],
        strict=True,
    )
    assert all(used == pytest.approx(measured, rel=1e-5) for measured, used in pairs)


def test_no_look_is_taken_at_an_update_that_a_fused_optimiser_skips():
    *plain, _ = train(scoped=False, init_scale=2.0**40, updates=30, fused=True)
    *found, scope = train(scoped=True, init_scale=2.0**40, updates=30, fused=True)

    assert found == plain
    skipped = plain[2]
    assert 0 < skipped < 30
    looked = {r.step for r in scope.readings if r.key == "gradient/loss"}
    assert looked == set(range(skipped, 30))
    # The device skips by itself, and nobody waits for it to say so.
    assert scope.steps == 30
    cosines = [r for r in scope.readings if r.key == "update/successive_cosine"]
    assert {r.step for r in cosines} == looked - {skipped}
