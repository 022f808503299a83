"""How a training ends, and what is said of one in which nothing was seen."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import landscope

HEAD = """
import os, signal, sys, torch, landscope
from torch import nn
net = nn.Linear(6, 3); opt = torch.optim.SGD(net.parameters(), 0.1); loss_fn = nn.CrossEntropyLoss()
x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
scope = landscope.Scope(net, loss_fn, opt, every=1, probes="cheap", to=sys.argv[1])
def train(updates, then=lambda: None):
    for step in range(updates):
        with scope.step(x, y):
            opt.zero_grad(); loss_fn(net(x), y).backward()
            if step == updates - 1: then()
            opt.step()
def fail(): raise RuntimeError("out of\\n memory\\x1b")
def stop(): raise KeyboardInterrupt
"""

ENDS = {
    "nothing": ("train(3)", "finished", 2, ""),
    "outside": ("train(3)\nfail()", "failed", 3, "RuntimeError: out of memory\\x1b"),
    "inside": ("train(3, fail)", "failed", 2, "RuntimeError: out of memory\\x1b"),
    "got over": ("try: train(3, fail)\nexcept RuntimeError: train(2)", "finished", 3, ""),
    "stopped": ("train(3)\nstop()", "interrupted", 3, "KeyboardInterrupt"),
    "swallowed": ("try: train(3, stop)\nexcept BaseException: pass", "interrupted", 2, "Keyboard"),
    "with": ("with scope:\n train(3)\n fail()", "failed", 3, "RuntimeError"),
    "finally": ("try:\n train(3)\n fail()\nfinally: scope.close()", "failed", 3, "RuntimeError"),
    "exit": ("with scope:\n train(3)\n sys.exit(0)", "finished", 2, ""),
    # Of these nothing is left when finalisers run: docs/decisions/scope.md says so.
    "exit unseen": ("train(3)\nsys.exit(3)", "finished", 2, ""),
    "caught unseen": ("try:\n train(3)\n fail()\nexcept RuntimeError: pass", "finished", 2, ""),
    "caught and told": (
        "try:\n train(3)\n fail()\nexcept RuntimeError:\n scope.close()\n sys.exit(3)",
        "failed",
        3,
        "RuntimeError",
    ),
    "code": ("with scope:\n train(3)\n sys.exit(3)", "interrupted", 3, "SystemExit: 3"),
    "killed": ("train(3)\nos._exit(1)", "unfinished", 2, ""),
    "terminated": ("train(3)\nos.kill(os.getpid(), signal.SIGTERM)", "unfinished", 2, ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_the_record_says_how_the_training_ended(end: str, tmp_path: Path) -> None:
    script, status, step, reason = ENDS[end]
    folder = tmp_path / "mine"
    subprocess.run([sys.executable, "-c", HEAD + script, str(folder)], capture_output=True)
    outcome = landscope.Run(folder).outcome
    assert (outcome.status, outcome.step) == (status, step)
    assert outcome.reason.startswith(reason)
    assert bool(outcome.reason) == bool(reason)


def blocks(count: int, *, step: str) -> landscope.Scope:
    model = nn.Linear(6, 3)
    given, other = (torch.optim.SGD(model.parameters(), 0.1) for _ in range(2))
    inputs, targets = torch.randn(16, 6), torch.randint(0, 3, (16,))
    scope = landscope.Scope(model, nn.CrossEntropyLoss(), given, every=1, probes="cheap")
    for number in range(1, count + 1):
        with scope.step(inputs, targets):
            nn.CrossEntropyLoss()(model(inputs), targets).backward()
            every = int(step[:-2]) if step.endswith("th") else 0
            if step == "other" or (every and number % every == 0):
                (other if step == "other" else given).step()
        if step == "outside":
            given.step()
    scope.close()
    return scope


@pytest.mark.parametrize(
    ("step", "said"),
    [("other", "another optimiser"), ("outside", "outside the blocks"), ("none", "measured")],
)
def test_an_optimiser_that_does_not_step_is_found(step: str, said: str) -> None:
    with pytest.warns(UserWarning, match="no step of the optimiser was seen in 5 blocks"):
        scope = blocks(5, step=step)
    (finding,) = (one for one in scope.findings() if one.id == "no-updates-seen")
    assert said in finding.sentence
    assert "no update seen in 5 blocks" in repr(scope)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("many", [64, 128])
def test_accumulated_batches_are_no_missing_updates(many: int) -> None:
    scope = blocks(2 * many + 20, step=f"{many}th")
    assert scope.steps == 2
    assert not [one for one in scope.findings() if one.id == "no-updates-seen"]


def test_a_scope_that_is_dropped_ends_its_record(tmp_path: Path) -> None:
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    inputs, targets = torch.randn(16, 6), torch.randint(0, 3, (16,))
    scope = landscope.Scope(model, nn.CrossEntropyLoss(), optimizer, every=1, to=tmp_path / "mine")
    with scope.step(inputs, targets):
        nn.CrossEntropyLoss()(model(inputs), targets).backward()
        optimizer.step()
    import gc

    del scope
    gc.collect()
    assert landscope.Run(tmp_path / "mine").outcome.status == "finished"
