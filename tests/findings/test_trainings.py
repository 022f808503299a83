"""Findings of real trainings: a small network on the bundled images, trained well and badly."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

import landscope
from landscope.data import load

pytestmark = pytest.mark.slow

PROBES = ("gradient", "update", "step_size", "noise_scale", "norm_health", "covariate_shift")


@dataclass
class Training:
    """What is set otherwise in each test; as it stands here, nothing is wrong."""

    lr: float = 0.1
    momentum: float = 0.9
    adamw: bool = False
    batch: int = 64
    steps: int = 160
    every: int = 10
    norm: bool = True
    follow: float = 0.1
    clip: float = 0.0
    guessed: bool = False
    probes: tuple[str, ...] = PROBES

    def network(self) -> nn.Module:
        """Two convolutions and a hidden layer, with batch norms or without."""

        def normed(norm: type[nn.Module], features: int) -> nn.Module:
            return norm(features, momentum=self.follow) if self.norm else nn.Identity()

        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            normed(nn.BatchNorm2d, 8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            normed(nn.BatchNorm2d, 16),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 7 * 7, 64),
            normed(nn.BatchNorm1d, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        if self.adamw:
            return torch.optim.AdamW(model.parameters(), self.lr)
        return torch.optim.SGD(model.parameters(), self.lr, momentum=self.momentum)

    def findings(self) -> dict[str, str]:
        """How severe each finding is, by its id."""
        model, loss_fn, data = self.network(), nn.CrossEntropyLoss(), load("fashion-mnist")
        optimizer = self.optimizer(model)
        drawn = torch.Generator().manual_seed(0)
        scope = landscope.Scope(model, loss_fn, optimizer, probes=self.probes, every=self.every)
        for _ in range(self.steps):
            chosen = torch.randint(len(data.train_targets), (self.batch,), generator=drawn)
            inputs, targets = data.inputs(data.train_inputs[chosen]), data.train_targets[chosen]
            if self.guessed:
                targets = torch.randint(10, targets.shape, generator=drawn)
            with scope.step(inputs, targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                if self.clip:
                    nn.utils.clip_grad_norm_(model.parameters(), self.clip)
                optimizer.step()
        return {finding.id: finding.severity for finding in scope.findings()}


@pytest.mark.parametrize(
    "training",
    [
        Training(),
        Training(lr=0.02),
        Training(lr=0.1, momentum=0.0),
        Training(lr=1e-3, adamw=True),
        Training(lr=3e-3, adamw=True),
        Training(lr=0.02, norm=False),
        Training(lr=1e-3, adamw=True, norm=False),
    ],
    ids=["momentum", "less", "plain", "adamw", "adamw, more", "no norm", "adamw, no norm"],
)
def test_a_training_as_it_should_be_has_nothing_to_warn_of(training: Training) -> None:
    found = training.findings()
    assert set(found.values()) <= {"info"}
    assert "step-could-be-larger" not in found


def test_far_too_large_a_learning_rate_diverges_without_norms() -> None:
    found = Training(lr=5.0, momentum=0.0, batch=512, steps=24, every=2, norm=False).findings()
    assert found["diverged"] == "serious"
    assert found["update-too-large"] == "warning"


def test_far_too_large_a_learning_rate_kills_a_network_with_batch_norm() -> None:
    found = Training(lr=20.0, momentum=0.0, batch=512, steps=40, every=2).findings()
    assert found["stuck"] == "warning"
    assert "step-could-be-larger" not in found


def test_updates_that_are_lost_in_rounding_vanish() -> None:
    found = Training(lr=1e-8, momentum=0.0, steps=60, every=3).findings()
    assert found["vanishing-update"] == "warning"
    assert "step-could-be-larger" not in found
    assert found["stuck"] == "warning"


@pytest.mark.parametrize(
    "training",
    [Training(lr=1e-3, momentum=0.0), Training(lr=1e-4), Training(lr=3e-5, adamw=True)],
    ids=["plain", "momentum", "adamw"],
)
def test_a_hundredth_of_a_good_learning_rate_calls_for_a_larger_one(training: Training) -> None:
    assert training.findings()["step-could-be-larger"] == "info"


def test_a_batch_of_four_is_too_small_for_batch_norm() -> None:
    found = Training(lr=0.05, momentum=0.0, batch=4, steps=200).findings()
    assert found["batch-too-small-for-norm"] == "warning"


def test_the_gradient_of_labels_that_are_guessed_is_noise() -> None:
    training = Training(lr=0.05, momentum=0.0, batch=64, norm=False, guessed=True)
    assert training.findings()["noise-dominates"] == "info"


def test_running_statistics_that_follow_at_a_thousandth_lag() -> None:
    assert Training(follow=0.001).findings()["running-statistics-lag"] == "warning"


def test_a_gradient_that_is_clipped_to_next_to_nothing_appears() -> None:
    assert Training(clip=0.01).findings()["gradient-clipped"] == "warning"
