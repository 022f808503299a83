"""Losses that move by themselves, as other networks are trained too: in games, with targets."""

import pytest
import torch
from tests.without_scope import NoScope, bytes_of_networks
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import mse_loss

import landscope

STEPS = 30


def ids(scope):
    return {finding.id for finding in scope.findings()}


def moves(scope):
    return [r for r in scope.readings if r.key == "scope/moving_loss"]


def game(scope_of):
    """A small GAN at its equilibrium, where both losses stay what they were."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
    critic = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    optimizers = [torch.optim.Adam(net.parameters(), 1e-4) for net in (critic, generator)]

    def of_critic(critic, batch):
        real, fake = batch
        return bce(critic(real), torch.ones(16, 1)) + bce(critic(fake), torch.zeros(16, 1))

    def of_generator(generator, latent):
        return bce(critic(generator(latent)), torch.ones(16, 1))

    scopes = [
        scope_of(critic, of_critic, optimizers[0]),
        scope_of(generator, of_generator, optimizers[1]),
    ]
    for _ in range(STEPS):
        latent = torch.randn(16, 4)
        batch = (0.3 * torch.randn(16, 8), generator(latent).detach())
        with scopes[0].step(batch):
            optimizers[0].zero_grad()
            of_critic(critic, batch).backward()
            optimizers[0].step()
        with scopes[1].step(latent):
            optimizers[1].zero_grad()
            of_generator(generator, latent).backward()
            optimizers[1].step()
    return scopes, {"generator": generator, "critic": critic, "one": optimizers[0]}


def test_neither_side_of_a_game_is_called_stuck_or_slow():
    scopes, measured = game(lambda *given: landscope.Scope(*given, every=1))
    _, plain = game(NoScope)

    assert bytes_of_networks(measured) == bytes_of_networks(plain)
    for scope in scopes:
        loss = [r.value for r in scope.readings if r.key == "gradient/loss"]
        assert min(loss) > 0.98 * loss[0]  # such a training alone would be called stuck
        assert not {"stuck", "step-could-be-larger"} & ids(scope)
        assert len(moves(scope)) == 1
    reasons = [str(moves(scope)[0].function) for scope in scopes]
    assert reasons == [
        "another training's loss calls this network",
        "the loss depends on other weights, which have moved as well",
    ]


def followed(*, frozen, move, inside=False):
    """A network and one that it is compared with, in the loss or in the network itself."""

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(6, 4)
            self.other = nn.Linear(6, 4).requires_grad_(False) if inside else None

        def forward(self, inputs):
            shown = None if self.other is None else self.other(inputs)
            return self.own(inputs), shown

    torch.manual_seed(0)
    model = Pair()
    teacher = nn.Linear(6, 4).requires_grad_(not frozen)
    optimizer = torch.optim.SGD(model.own.parameters(), 1e-7)

    def loss_fn(model, inputs):
        own, shown = model(inputs)
        return mse_loss(own, teacher(inputs).detach() if shown is None else shown + 1)

    other = model.other if inside else teacher
    scope = landscope.Scope(model, loss_fn, optimizer, every=1)
    inputs = torch.randn(16, 6)
    for _ in range(STEPS):
        with scope.step(inputs):
            optimizer.zero_grad()
            loss_fn(model, inputs).backward()
            optimizer.step()
        if move:
            with torch.no_grad():
                for kept, p in zip(other.parameters(), model.own.parameters(), strict=True):
                    kept.lerp_(p, 1e-5)
    return scope


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_target_network_that_follows_moves_the_loss(frozen, inside):
    scope = followed(frozen=frozen, move=True, inside=inside)
    assert len(moves(scope)) == 1
    assert moves(scope)[0].step == 1  # one measurement after the first
    assert "stuck" not in ids(scope)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_teacher_that_stays_does_not(frozen, inside):
    """So a training by it that gets nowhere, at a rate next to 0, is called stuck."""
    scope = followed(frozen=frozen, move=False, inside=inside)
    assert moves(scope) == []
    assert "stuck" in ids(scope)


def test_a_training_of_its_own_does_not():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scope = landscope.Scope(model, mse_loss, optimizer, every=1, probes="cheap")
    for _ in range(5):
        inputs, targets = torch.randn(16, 6), torch.randn(16, 4)
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            mse_loss(model(inputs), targets).backward()
            optimizer.step()
    assert moves(scope) == []
