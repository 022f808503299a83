"""Two networks that are trained against each other, in turn: a scope and a block for each."""

import contextlib

import torch
from torch import nn

from landscope.scope.scope import Scope

STEPS = 4


def network(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, outputs))


def adversaries(*, scoped: bool) -> tuple[list[bytes], list[Scope]]:
    """Train them, and give the bytes of all that they hold, and their scopes."""
    torch.manual_seed(3)
    maker, judge = network(4, 6), network(6, 1)
    both = (maker, judge)
    optimizers = [torch.optim.Adam(model.parameters(), 1e-2) for model in both]

    def fooled(model: nn.Module, noise: torch.Tensor) -> torch.Tensor:
        return nn.functional.softplus(-judge(model(noise))).mean()

    def told_apart(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        real, made = batch
        losses = nn.functional.softplus(-model(real)), nn.functional.softplus(model(made))
        return losses[0].mean() + losses[1].mean()

    scopes = [
        Scope(model, loss_fn, optimizer, every=1, probes=["gradient", "line", "step_size"])
        for model, loss_fn, optimizer in zip(both, (fooled, told_apart), optimizers, strict=True)
        if scoped
    ]

    def block(number: int, batch: object) -> contextlib.AbstractContextManager[object]:
        return scopes[number].step(batch) if scoped else contextlib.nullcontext()

    for _ in range(STEPS):
        noise, real = torch.randn(16, 4), torch.randn(16, 6) + 1
        with block(1, batch := (real, maker(noise).detach())):
            optimizers[1].zero_grad()
            told_apart(judge, batch).backward()
            optimizers[1].step()
        with block(0, noise):
            optimizers[0].zero_grad()
            fooled(maker, noise).backward()
            optimizers[0].step()
    held = [tensor.numpy().tobytes() for model in both for tensor in model.state_dict().values()]
    return held, scopes


def test_each_is_measured_and_neither_is_changed() -> None:
    plain, _ = adversaries(scoped=False)
    held, scopes = adversaries(scoped=True)
    assert held == plain
    for scope in scopes:
        looks = [r.step for r in scope.readings if r.quantity == "start_loss"]
        assert sorted(set(looks)) == list(range(STEPS))
        assert not [r for r in scope.readings if r.quantity == "failed"]
