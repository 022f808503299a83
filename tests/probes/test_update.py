"""The cheap probes: gradient and update, against a few lines of their own on a linear network."""

import math

import pytest
import torch
from torch import nn

from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.probes.gradient import Gradient
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import Snapshot, StepView, TrainedGradients
from landscope.probes.update import Update
from landscope.reading import Provenance, Status

EVERY = EverySteps(1)
LR = 0.25


def squared(outputs, targets):
    return (outputs - targets).square().mean()


@pytest.fixture
def setting():
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    return model, torch.randn(5, 3).double(), torch.randn(5, 2).double()


def view_of(setting, move, *, computed=None, used=None, previous=None):
    """A step that moved the parameters by what `move` makes of the gradient."""
    model, inputs, targets = setting
    objective = Objective.now(model, squared, inputs, targets)
    before = {name: tensor.clone() for name, tensor in trainable(model).items()}
    loss, data_loss, gradient = objective.gradient(before)
    after = {name: tensor - move(gradient[name]) for name, tensor in before.items()}
    shot = Snapshot(
        objective,
        before,
        after,
        gradient,
        Provenance(mode="training"),
        trained=TrainedGradients(
            computed=computed(gradient) if computed else None, used=used(gradient) if used else None
        ),
        previous=previous(before) if previous else None,
    )
    return StepView(3, LR, loss, data_loss, shot)


def read(probe, view):
    return {reading.quantity: reading for reading in probe.read(view)}


def flat(point):
    return torch.cat([tensor.flatten() for tensor in point.values()])


def test_the_gradient_and_what_was_made_of_it(setting):
    view = view_of(setting, lambda g: LR * g, used=lambda g: {n: 0.1 * t for n, t in g.items()})
    found = read(Gradient(EVERY), view)
    length = torch.linalg.vector_norm(flat(view.snapshot.gradient)).item()

    assert found["loss"].value == view.loss.item()
    assert found["gradient_norm"].value == pytest.approx(length, rel=1e-14)
    assert found["used_gradient_norm"].value == pytest.approx(0.1 * length, rel=1e-14)
    assert found["agreement"].value == pytest.approx(1.0, abs=1e-14)
    assert found["used_scale"].value == pytest.approx(0.1, rel=1e-14)
    assert found["used_cosine"].value == pytest.approx(1.0, abs=1e-14)
    assert "gradient_scale" not in found  # whether the loss or the gradient was scaled is not known


def test_a_scaled_loss_and_a_clipped_gradient_are_told_apart(setting):
    """The loss is three times the measured one, and its gradient cut to a tenth."""
    view = view_of(
        setting,
        lambda g: LR * g,
        computed=lambda g: {n: 3 * t for n, t in g.items()},
        used=lambda g: {n: 0.3 * t for n, t in g.items()},
    )
    found = read(Gradient(EVERY), view)
    for quantity, value in (("gradient_scale", 3), ("used_scale", 0.1), ("agreement", 1)):
        assert found[quantity].value == pytest.approx(value, rel=1e-14)


def test_parts_of_a_loss_in_several_backward_passes_are_compared_by_their_sum(setting):
    """The first pass gave the gradient of one weight alone."""
    view = view_of(
        setting,
        lambda g: LR * g,
        computed=lambda g: {n: t if n == "bias" else 0 * t for n, t in g.items()},
        used=lambda g: g,
    )
    found = read(Gradient(EVERY), view)
    for quantity in ("agreement", "gradient_scale", "used_scale", "used_cosine"):
        assert found[quantity].value == pytest.approx(1.0, rel=1e-14)


def test_a_gradient_of_another_loss_does_not_agree(setting):
    view = view_of(setting, lambda g: LR * g, used=lambda g: {n: -t for n, t in g.items()})

    assert read(Gradient(EVERY), view)["agreement"].value == pytest.approx(-1.0, abs=1e-14)


def test_what_is_not_known_of_the_used_gradient_is_not_made_up(setting):
    found = read(Gradient(EVERY), view_of(setting, lambda g: LR * g))

    assert set(found) == {"loss", "gradient_norm"}


def test_the_update_and_what_it_did(setting):
    _, inputs, targets = setting
    view = view_of(
        setting, lambda g: 2 * LR * g, previous=lambda b: {n: t + 0.5 for n, t in b.items()}
    )
    found = read(Update(EVERY), view)
    shot = view.snapshot

    def loss_at(point):
        outputs = inputs @ point["weight"].T + point["bias"]
        return squared(outputs, targets).item()

    update, theta = flat(shot.before) - flat(shot.after), flat(shot.before)
    along = {n: t - LR * shot.gradient[n] for n, t in shot.before.items()}
    cosine = torch.nn.functional.cosine_similarity(
        torch.full_like(theta, 0.5), update, dim=0
    ).item()
    expected = {
        "update_norm": update.norm().item(),
        "relative_update": (update.norm() / theta.norm()).item(),
        "loss_ratio": loss_at(along) / view.loss.item(),
        "step_ratio": loss_at(shot.after) / view.loss.item(),
        "successive_cosine": cosine,
    }

    assert {name: reading.value for name, reading in found.items()} == pytest.approx(
        expected, rel=1e-12
    )


def test_an_update_that_did_not_move(setting):
    found = read(Update(EVERY), view_of(setting, lambda g: 0 * g, previous=lambda b: dict(b)))

    assert found["update_norm"].value == 0.0
    assert found["step_ratio"].value == 1.0
    assert math.isnan(found["successive_cosine"].value)
    assert found["successive_cosine"].status is Status.NONFINITE
