"""What is compiled stays as it was compiled, and its noise, which is its own, is not compared."""

import contextlib
import shutil

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for

from landscope.scope.scope import Scope

WAYS = ["the model", "in place", "a part in place", "the loss", "the loss of a batch"]


def training(way, *, scoped, dropout, backend="eager", updates=4):
    """A training that is compiled in one way; the graphs that were made, the bytes, the scope."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    kind = Kind(dropout=dropout)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    called = model
    if way == "the model":
        called = torch.compile(model, backend=backend)
    elif "in place" in way:
        (model if way == "in place" else model[0]).compile(backend=backend)

    def loss(inputs, targets):
        return loss_fn(called(inputs), targets)

    if way.startswith("the loss"):
        loss = torch.compile(loss, backend=backend)
    whole = way == "the loss of a batch"
    given = (lambda model, batch: loss_fn(model(batch[0]), batch[1])) if whole else loss_fn
    scope = Scope(called, given, optimizer, every=2) if scoped else None
    torch.manual_seed(7)
    for inputs, targets in batches(updates):
        batch = ((inputs, targets),) if whole else (inputs, targets)
        with scope.step(*batch) if scope else contextlib.nullcontext():
            optimizer.zero_grad()
            loss(inputs, targets).backward()
            optimizer.step()
    breaks = sum(torch._dynamo.utils.counters["graph_break"].values())
    weights = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return breaks, [*weights, torch.get_rng_state().numpy().tobytes()], scope


def agreements(scope):
    return [r.value for r in scope.readings if r.key == "gradient/agreement"]


def functions(scope):
    return {str(r.function) for r in scope.readings if r.key == "gradient/loss"}


@pytest.mark.parametrize("way", WAYS)
def test_a_look_cuts_nothing_in_two_that_is_compiled(way):
    """Also where the first look, at step 0, is there while it is compiled."""
    plain = training(way, scoped=False, dropout=True)
    scoped = training(way, scoped=True, dropout=True)

    assert scoped[:2] == plain[:2]
    assert {r.step for r in scoped[2].readings} == {0, 2}
    assert not [r for r in scoped[2].readings if r.quantity == "failed"]


@pytest.mark.parametrize("way", WAYS)
def test_where_compiled_code_draws_its_own_noise_there_is_no_gradient_to_agree_with(way):
    *_, scope = training(way, scoped=True, dropout=True)

    assert agreements(scope) == []
    (function,) = functions(scope)
    assert "noise drawn anew because compiled code draws its own" in function


@pytest.mark.parametrize("way", WAYS)
def test_without_noise_compiled_code_agrees(way):
    *_, scope = training(way, scoped=True, dropout=False)

    assert agreements(scope) == [pytest.approx(1.0, abs=1e-6)] * 2
    assert "noise" not in "".join(functions(scope))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, of itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch makes machine code with g++")
@pytest.mark.parametrize("way", WAYS)
def test_machine_code_with_dropout_is_left_and_not_called_another_loss(way):
    settings = {"dropout": True, "backend": "inductor", "updates": 8}
    plain = training(way, scoped=False, **settings)
    scoped = training(way, scoped=True, **settings)

    assert scoped[:2] == plain[:2]
    assert "loss-not-trained" not in [finding.id for finding in scoped[2].findings()]
