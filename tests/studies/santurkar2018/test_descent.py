"""The steps of the paper, plain gradient descent, and what a scope shows of them to probes."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from tests.probes.one_look import scoped
from tests.reference.gradient import flat, loss_and_gradient
from tests.small_networks import BUILDERS, drawn, setting
from tests.tolerances import EXACT64
from torch import nn

from landscope.cost import Cost
from landscope.data.batches import Batches
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps

NORMS = ("none", "noisy-batch", "l1")
PAIRS = [(network, norm) for network in BUILDERS for norm in NORMS]


class Keeper(Probe):
    """Keeps the last view that it was shown."""

    def __init__(self):
        super().__init__("keeper", EverySteps(1))
        self.view = None

    def cost(self, layers, samples):
        del layers, samples
        return Cost(0, 0)

    def read(self, view):
        self.view = view
        return []


def trained(made, *, steps=3, l2_penalty=0.0):
    """After each step the view of it, with the numbers that the training itself had."""
    keeper = Keeper()
    for loss, data_loss, *_ in scoped(made, [keeper], [], steps=steps, l2_penalty=l2_penalty):
        assert torch.equal(keeper.view.loss, loss)
        assert torch.equal(keeper.view.data_loss, data_loss)
        yield keeper.view


def weights_of(point):
    return [tensor for tensor in point.values() if tensor.ndim >= 2]


@pytest.mark.parametrize(("network", "norm"), PAIRS)
@pytest.mark.parametrize("l2_penalty", [0.0, 0.01])
def test_the_gradient_is_that_of_the_objective_before_the_step(network, norm, l2_penalty):
    """Even once the training has gone on: a snapshot is of its own step."""
    views = list(trained(setting(network, norm), l2_penalty=l2_penalty))

    for view in views:
        shot = view.snapshot
        loss, data_loss, gradient = shot.objective.gradient(shot.before)
        assert list(gradient) == list(shot.gradient)
        EXACT64.check(view.loss, loss)
        EXACT64.check(view.data_loss, data_loss)
        for name, expected in gradient.items():
            EXACT64.check(shot.gradient[name], expected)


def test_the_gradient_is_that_of_a_plain_backward_pass():
    """By a copy of the network and ``.backward()``, which knows nothing of objectives."""
    made = setting("mlp", "batch")
    batch = made.batches(0)
    loss, gradient = loss_and_gradient(
        made.model, made.loss.function, batch.inputs, batch.targets, seed=1
    )

    (view,) = trained(made, steps=1)

    EXACT64.check(view.loss, loss)
    found = {name: g.numpy().ravel() for name, g in view.snapshot.gradient.items()}
    EXACT64.check(flat(found, gradient), flat(gradient, gradient))


@pytest.mark.parametrize("network", BUILDERS)
def test_the_penalty_is_in_the_loss_and_in_its_gradient(network):
    """lambda/2 ||W||^2 over weights, not over biases nor scales and shifts."""
    strength = 0.3
    (plain,) = trained(setting(network, "batch"), steps=1)
    (view,) = trained(setting(network, "batch"), steps=1, l2_penalty=strength)

    squares = sum(float(weight.square().sum()) for weight in weights_of(view.snapshot.before))
    EXACT64.check(view.loss - view.data_loss, strength / 2 * squares)
    EXACT64.check(view.data_loss, plain.loss)
    assert torch.equal(plain.loss, plain.data_loss)
    for name, before in view.snapshot.before.items():
        own = strength * before if before.ndim >= 2 else torch.zeros_like(before)
        EXACT64.check(view.snapshot.gradient[name], plain.snapshot.gradient[name] + own)


@pytest.mark.parametrize(("network", "norm"), PAIRS)
def test_the_update_is_that_of_plain_gradient_descent(network, norm):
    made = setting(network, norm)
    for view in trained(made, l2_penalty=0.01):
        shot = view.snapshot
        for name, parameter in made.model.named_parameters():
            expected = shot.before[name].clone().add_(shot.gradient[name], alpha=-made.lr)
            assert torch.equal(shot.after[name], expected)
            assert torch.equal(parameter.detach(), expected)
            assert not torch.equal(shot.before[name], expected)


def test_steps_are_numbered_from_0_and_each_starts_where_the_last_ended():
    made = setting("vgg", "batch")
    initial = {name: p.detach().clone() for name, p in made.model.named_parameters()}
    starts, views = [initial], []
    for view in trained(made, steps=4):
        starts.append({name: tensor.clone() for name, tensor in view.snapshot.after.items()})
        views.append(view)

    assert [view.step for view in views] == [0, 1, 2, 3]
    assert {view.lr for view in views} == {made.lr}
    for start, view in zip(starts, views, strict=False):
        assert all(torch.equal(view.snapshot.before[name], start[name]) for name in start)


def test_a_view_comes_after_its_own_update_and_before_the_next():
    made = setting("mlp", "none")
    weight = made.model.layers.fc1.weight
    seen = [weight.detach().clone()]
    seen.extend(weight.detach().clone() for _ in trained(made))

    assert len(seen) == 4
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(seen))


def test_each_step_has_its_batch_and_says_so():
    made = setting("mlp", "batch")
    for view in trained(made, steps=5, l2_penalty=0.25):
        batch = made.batches(view.step)
        shot = view.snapshot
        assert torch.equal(shot.objective.inputs, batch.inputs)
        assert torch.equal(shot.objective.targets, batch.targets)
        assert str(shot.function) == (
            "training mode, the step's own batch, 8 samples, loss with L2 penalty 0.25"
        )
    (plain,) = trained(setting("mlp", "batch"), steps=1)
    assert str(plain.snapshot.function).endswith("loss without penalty")


@pytest.mark.parametrize("steps", [1, 6])
def test_the_whole_training_set_can_be_one_batch(steps):
    made = setting("dln", "none")
    batches = Batches(made.dataset, 3, None)
    made = SimpleNamespace(**vars(made), batches=batches)
    views = list(trained(made, steps=steps))

    assert len(views) == steps
    for view in views:
        assert torch.equal(view.snapshot.objective.inputs, made.dataset.train_inputs)


def test_accuracy_is_that_of_the_batch_before_the_update():
    keeper = Keeper()
    for _, _, accuracy in scoped(setting("vgg", "none"), [keeper], [], steps=3):
        shot = keeper.view.snapshot
        scores = shot.objective.outputs(shot.before)
        pairs = zip(scores, shot.objective.targets, strict=True)
        hits = [int(row.argmax()) == int(target) for row, target in pairs]
        assert accuracy.item() == pytest.approx(sum(hits) / len(hits), abs=1e-7)


def test_a_regression_has_no_accuracy():
    assert [len(found) for found in scoped(setting("dln", "none"), [], [], steps=2)] == [2, 2]


def test_gradients_from_before_the_training_do_not_enter_it():
    made, clean = setting("mlp", "none"), setting("mlp", "none")
    for parameter in made.model.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)

    first, expected = next(trained(made)), next(trained(clean))

    for name, gradient in expected.snapshot.gradient.items():
        assert torch.equal(first.snapshot.gradient[name], gradient)


def test_a_diverging_training_goes_on_with_numbers_that_say_so():
    made = setting("dln", "none")
    made.lr = 1e3
    losses = [loss.item() for loss, *_ in scoped(made, [], [], steps=12)]

    assert len(losses) == 12
    assert math.isfinite(losses[0])
    assert not math.isfinite(losses[-1])


class WithSpare(nn.Module):
    """Has a layer that no pass goes through."""

    def __init__(self):
        super().__init__()
        self.used = nn.Linear(6, 6)
        self.spare = nn.Linear(6, 6)

    def forward(self, inputs):
        return self.used(inputs)


def test_a_parameter_that_the_loss_does_not_depend_on_has_a_gradient_of_zero():
    made = setting("dln", "none")
    made.model = WithSpare().double()
    (view,) = trained(made, steps=1)

    shot = view.snapshot
    assert list(shot.gradient) == list(shot.before)
    assert not shot.gradient["spare.weight"].any()
    assert shot.gradient["used.weight"].any()
    assert torch.equal(shot.after["spare.weight"], shot.before["spare.weight"])


def test_a_frozen_parameter_is_no_part_of_the_landscape():
    """Nor of the penalty: loss and objective are one function."""
    made = setting("mlp", "none")
    made.model.layers.fc2.weight.requires_grad_(False)
    (view,) = trained(made, steps=1, l2_penalty=0.5)

    shot = view.snapshot
    assert "layers.fc2.weight" not in {*shot.before, *shot.after, *shot.gradient}
    EXACT64.check(view.loss, shot.objective.losses(shot.before)[0])


def test_dropout_draws_the_masks_of_the_step():
    """The objective replays the step's own draw: another one would give another loss."""
    made = setting("dropout", "none")
    (view,) = trained(made, steps=1)
    torch.rand(11)

    shot = view.snapshot
    assert torch.equal(shot.objective.losses(shot.before)[0], view.loss)
    other = made.loss.function(made.model(shot.objective.inputs), shot.objective.targets)
    assert not torch.equal(other, view.loss)


def test_inputs_of_the_batch_are_not_written_to():
    made = setting("mlp", "batch")
    before = made.dataset.train_inputs.clone()
    list(trained(made))

    assert torch.equal(made.dataset.train_inputs, before)
    assert torch.equal(before, drawn(*before.shape, seed=4))
