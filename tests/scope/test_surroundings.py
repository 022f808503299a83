"""What a loop has around its blocks is the training's alone: counters, profilers, transforms."""

import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for
from torch.func import functional_call, grad_and_value
from torch.profiler import ProfilerActivity
from torch.utils.flop_counter import FlopCounterMode

import landscope
from landscope.objective.global_state import no_modes


def train(around, *, scoped, updates=2, inside=nullcontext):
    """Train within what is given, and give that back with the scope."""
    model = network(Kind(dropout=True))
    optimizer = optimizer_for(Kind(), model)
    scope = landscope.Scope(model, loss_fn, optimizer, every=1, probes="full") if scoped else None
    with around:
        for inputs, targets in batches(updates):
            with scope.step(inputs, targets) if scope else nullcontext(), inside():
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()
    if scope:
        assert not [r for r in scope.readings if r.quantity == "failed"]
        assert len({r.probe for r in scope.readings}) == 10
    return around


def kineto():
    return torch.profiler.profile(
        activities=[ProfilerActivity.CPU], record_shapes=True, with_flops=True
    )


def of_autograd():
    return torch.autograd.profiler.profile(record_shapes=True, with_flops=True)


@pytest.mark.parametrize("profiler", [kineto, of_autograd])
def test_a_profiler_notes_the_trainings_operations_alone(profiler):
    def noted(*, scoped):
        averages = train(profiler(), scoped=scoped).key_averages(group_by_input_shape=True)
        return Counter({(e.key, str(e.input_shapes), e.flops): e.count for e in averages})

    plain, measured = noted(scoped=False), noted(scoped=True)

    own = {key: count for key, count in measured.items() if key[0] == "landscope"}
    assert sum(own.values()) > 0  # the time is there, under a name that says whose it is
    assert measured - Counter(own) == plain
    assert sum(plain.values()) > 100


def test_a_profiler_goes_on_after_an_error_in_a_measurement():
    def fail():
        torch.zeros(2).sin()
        raise RuntimeError("in a measurement")

    with kineto() as profiler:
        with pytest.raises(RuntimeError, match="in a measurement"), no_modes():
            fail()
        torch.ones(2).cos()
    noted = {event.key for event in profiler.key_averages()}
    assert "aten::cos" in noted
    assert "aten::sin" not in noted


@pytest.mark.parametrize("place", ["around", "inside"])
def test_a_counter_of_flops_counts_the_training_alone(place):
    def counted(*, scoped):
        flops = FlopCounterMode(display=False)
        if place == "around":
            train(flops, scoped=scoped)
        else:  # entered anew in each block
            train(nullcontext(), scoped=scoped, inside=lambda: flops)
        return flops.get_flop_counts()

    assert counted(scoped=True) == counted(scoped=False)


def test_a_training_by_transforms_of_torch_func_is_measured():
    """The network is called within a transform, and the loop updates by hand."""

    def trained(*, scoped):
        model = network(Kind(norm="layer"))
        scope = landscope.Scope(model, loss_fn, None, every=1, probes="cheap") if scoped else None
        for inputs, targets in batches(3):
            with scope.step(inputs, targets) if scope else nullcontext():
                weights = {name: p.detach() for name, p in model.named_parameters()}

                def loss_at(weights, inputs=inputs, targets=targets):
                    return loss_fn(functional_call(model, weights, (inputs,)), targets)

                slopes, _ = grad_and_value(loss_at)(weights)
                with torch.no_grad():
                    for name, p in model.named_parameters():
                        p -= 0.1 * slopes[name]
        return model, scope

    plain, _ = trained(scoped=False)
    model, scope = trained(scoped=True)

    assert not [r for r in scope.readings if r.quantity == "failed"]
    assert len([r for r in scope.readings if r.key == "gradient/loss"]) == 3
    for name, tensor in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


SCRIPT = """
import sys, torch, landscope
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
loss_fn = torch.nn.functional.cross_entropy
scope = landscope.Scope(model, loss_fn, optimizer, every=1, probes="full", to=sys.argv[1])
for _ in range(3):
    inputs, targets = torch.randn(16, 6), torch.randint(3, (16,))
    with scope.step(inputs, targets):
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        optimizer.step()
print(scope)
"""


@pytest.mark.slow
def test_with_all_warnings_as_errors_a_training_is_measured(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path / "mine")],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Scope(Sequential, 3 updates, 3 measurements, ")
    run = landscope.Run(tmp_path / "mine")
    assert run.outcome.status == "finished"
    assert not [r for r in run.readings if r.quantity == "failed"]
