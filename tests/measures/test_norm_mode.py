"""Norm modes against torch by hand: which function is measured, and that it leaves no trace."""

import copy

import pytest
import torch
from tests.measures.networks import BUILDERS, build, classes, gaussian
from tests.measures.traces import trace
from tests.tolerances import EXACT64
from torch import nn
from torch.nn import functional

from landscope.errors import UsageError
from landscope.norms.table import build as norm_of
from landscope.objective.halves import halves
from landscope.objective.norm_mode import as_trained, in_evaluation_mode, in_norm_mode
from landscope.objective.objective import Objective
from landscope.objective.parameters import displaced, trainable

MODES = ("batch", "frozen", "running")
INPUTS, TARGETS = gaussian(9, 4), classes(9)
cross_entropy = functional.cross_entropy


def network(norm, *after):
    """A small network whose running statistics are neither those of a batch nor the first ones."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(4, 6), norm, *after, nn.Tanh(), nn.Linear(6, 3)).double()
    for seed in (7, 8):
        model(gaussian(20, 4, seed=seed) * 2 + 1)
    return model


def objective_of(model):
    return Objective.now(model, cross_entropy, INPUTS, TARGETS)


def elsewhere(model):
    """Another point than the one at which the statistics are taken."""
    point = trainable(model)
    return displaced(point, {name: torch.sin(tensor + 1) for name, tensor in point.items()}, 0.1)


def by_hand(point, mean, variance):
    """Loss and gradient of that network with statistics that are constants."""
    own = {name: tensor.clone().requires_grad_() for name, tensor in point.items()}
    lifted = functional.linear(INPUTS, own["0.weight"], own["0.bias"])
    normed = functional.batch_norm(lifted, mean, variance, own["1.weight"], own["1.bias"])
    outputs = functional.linear(normed.tanh(), own["3.weight"], own["3.bias"])
    loss = cross_entropy(outputs, TARGETS)
    return loss.item(), dict(zip(own, torch.autograd.grad(loss, [*own.values()]), strict=True))


def assert_same(found, expected):
    loss, gradient = expected
    EXACT64.check(found[0].item(), loss)
    for name, tensor in gradient.items():
        EXACT64.check(found[2][name].numpy(), tensor.numpy())


def test_frozen_is_the_function_with_this_batchs_statistics_as_constants():
    model = network(nn.BatchNorm1d(6))
    point, other = trainable(model), elsewhere(model)
    lifted = functional.linear(INPUTS, point["0.weight"], point["0.bias"])
    mean, variance = lifted.mean(0), lifted.var(0, unbiased=False)

    frozen = in_norm_mode(objective_of(model), "frozen", point)

    assert_same(frozen.gradient(point), by_hand(point, mean, variance))
    assert_same(frozen.gradient(other), by_hand(other, mean, variance))


def test_running_is_the_function_with_running_statistics_as_constants():
    model = network(nn.BatchNorm1d(6))
    statistics = model[1].running_mean.clone(), model[1].running_var.clone()

    running = in_norm_mode(objective_of(model), "running", trainable(model))

    for point in (trainable(model), elsewhere(model)):
        assert_same(running.gradient(point), by_hand(point, *statistics))


def test_frozen_lacks_the_projection_that_the_batchs_own_statistics_make():
    """A shift before a batch norm changes nothing in training; with constants it does."""
    model = network(nn.BatchNorm1d(6))
    point = trainable(model)
    objective = objective_of(model)
    loss, _, gradient = objective.gradient(point)
    frozen_loss, _, frozen = in_norm_mode(objective, "frozen", point).gradient(point)

    EXACT64.check(frozen_loss.item(), loss.item())
    assert gradient["0.bias"].norm() < EXACT64.rtol * frozen["0.bias"].norm()
    # What lies behind the norm sees the same values, and has the same gradient.
    for name in ("1.weight", "1.bias", "3.weight", "3.bias"):
        EXACT64.check(frozen[name].numpy(), gradient[name].numpy())


@pytest.mark.parametrize(
    "norm",
    [
        *(lambda name=name: norm_of(name, 6, 0) for name in ("l1", "l2", "linf", "noisy-batch")),
        lambda: nn.BatchNorm1d(6, momentum=None),
        lambda: nn.BatchNorm1d(6, momentum=0.0),
        lambda: nn.BatchNorm1d(6, affine=False),
    ],
    ids=["l1", "l2", "linf", "noisy-batch", "cumulative", "never followed", "without scales"],
)
def test_frozen_at_its_own_point_is_the_loss_of_the_batch(norm):
    model = network(norm())
    point = trainable(model)
    objective = objective_of(model)
    loss, _, gradient = objective.gradient(point)
    frozen_loss, _, frozen = in_norm_mode(objective, "frozen", point).gradient(point)

    EXACT64.check(frozen_loss.item(), loss.item())
    assert not torch.allclose(frozen["0.weight"], gradient["0.weight"])


@pytest.mark.parametrize("name", ["convolutional", "residual", "noisy"])
def test_frozen_at_its_own_point_for_several_norms_over_space_and_with_noise(name):
    case = build(name)
    objective = Objective.now(case.model, case.loss_fn, case.inputs, case.targets)
    point = trainable(case.model)

    frozen = in_norm_mode(objective, "frozen", point)

    EXACT64.check(frozen.loss(point).item(), objective.loss(point).item())


def with_norms_in_evaluation_mode(model):
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    return twin


def test_running_leaves_dropout_as_in_the_step():
    model = network(nn.BatchNorm1d(6), nn.Dropout(0.5))
    twin = with_norms_in_evaluation_mode(model)
    torch.manual_seed(3)
    objective = objective_of(model)

    found = in_norm_mode(objective, "running", trainable(model)).loss(trainable(model))

    torch.manual_seed(3)
    assert found == cross_entropy(twin(INPUTS), TARGETS)
    assert found != in_evaluation_mode(objective).loss(trainable(model))


@pytest.mark.parametrize("name", BUILDERS)
def test_evaluation_is_that_of_a_copy_in_evaluation_mode(name):
    case = build(name)
    case.model(case.inputs)
    objective = Objective.now(case.model, case.loss_fn, case.inputs, case.targets)
    twin = copy.deepcopy(case.model).eval()

    found = in_evaluation_mode(objective).loss(trainable(case.model))

    EXACT64.check(found.item(), case.loss_fn(twin(case.inputs), case.targets).item())


def test_running_is_evaluation_where_nothing_else_depends_on_the_mode():
    model = network(nn.BatchNorm1d(6))
    objective = objective_of(model)
    point = trainable(model)

    running = in_norm_mode(objective, "running", point)

    assert running.loss(point) == in_evaluation_mode(objective).loss(point)
    assert running.loss(point) != objective.loss(point)


def test_evaluation_has_running_statistics_even_where_the_norms_are_held_still():
    model = network(nn.BatchNorm1d(6))
    objective = objective_of(model)
    point = trainable(model)
    frozen = in_norm_mode(objective, "frozen", point)

    assert in_evaluation_mode(frozen).loss(point) == in_evaluation_mode(objective).loss(point)
    assert as_trained(frozen) is objective
    assert as_trained(in_norm_mode(frozen, "running", point)) is objective
    assert as_trained(objective) is objective


def test_half_a_batch_under_frozen_norms_keeps_the_statistics_of_the_whole():
    """So its loss is a mean over samples, as of any network without norms."""
    model = network(nn.BatchNorm1d(6))
    point = trainable(model)
    frozen = in_norm_mode(objective_of(model), "frozen", point)

    mean = sum(size * half.loss(point) for size, half in halves(frozen)) / len(INPUTS)

    EXACT64.check(mean.item(), frozen.loss(point).item())


def test_a_norm_that_is_in_evaluation_mode_already_stays_as_it_is():
    model = network(nn.BatchNorm1d(6))
    model[1].eval()
    objective = objective_of(model)
    point = trainable(model)

    for mode in MODES:
        assert in_norm_mode(objective, mode, point).loss(point) == objective.loss(point)


def test_a_norm_of_constants_is_held_still_already():
    class Constant(nn.Module):
        """A batch norm that never follows batches, as in networks for detection."""

        def __init__(self):
            super().__init__()
            self.register_buffer("running_mean", torch.full((6,), 0.5))
            self.register_buffer("running_var", torch.full((6,), 2.0))

        def forward(self, inputs):
            return functional.batch_norm(inputs, self.running_mean, self.running_var)

    model = network(Constant())
    objective = objective_of(model)
    point = trainable(model)

    for mode in MODES:
        assert in_norm_mode(objective, mode, point).loss(point) == objective.loss(point)


class Follows(nn.Module):
    """A batch norm of somebody else's, which says in its own way how it follows batches."""

    def __init__(self):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(6))
        self.rate = 0.5

    def forward(self, inputs):
        mean = inputs.mean(0) if self.training else self.running_mean
        if self.training:
            self.running_mean.lerp_(mean.detach(), self.rate)
        return inputs - mean


class Twice(nn.Module):
    """One norm at two places."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(6)

    def forward(self, inputs):
        return self.norm(self.norm(inputs) ** 2)


class Rows(nn.InstanceNorm1d):
    """Normalises each row, as an image of one channel, and follows what it saw."""

    def __init__(self):
        super().__init__(1, track_running_stats=True)

    def forward(self, inputs):
        return super().forward(inputs[:, None])[:, 0]


@pytest.mark.parametrize(
    ("norm", "mode", "text"),
    [
        (Twice, "frozen", "the norm '1.norm' is used 2 times in a pass: one set of statistics"),
        (Rows, "frozen", "the instance norm '1': it has statistics of each sample"),
        (Follows, "frozen", "the norm '1' of the class Follows: how it follows the statistics"),
        *(
            (
                lambda: nn.BatchNorm1d(6, track_running_stats=False),
                mode,
                "the batch norm '1' keeps no running statistics: it is a function of the batch",
            )
            for mode in ("frozen", "running")
        ),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_trace(norm, mode, text):
    model = network(norm())
    objective = objective_of(model)
    before = trace(model)

    with pytest.raises(UsageError) as refused:
        in_norm_mode(objective, mode, trainable(model))

    assert text in str(refused.value)
    assert trace(model) == before


@pytest.mark.parametrize("norm", [Twice, Rows, Follows])
def test_what_cannot_be_held_still_can_be_measured_with_running_statistics(norm):
    model = network(norm())
    objective = objective_of(model)
    point = trainable(model)

    found = in_norm_mode(objective, "running", point).loss(point)

    assert found == in_evaluation_mode(objective).loss(point)


def test_a_norm_that_is_called_by_keyword():
    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(6)

        def forward(self, inputs):
            return self.norm(input=inputs)

    model = network(Calls())
    objective = objective_of(model)
    point = trainable(model)

    frozen = in_norm_mode(objective, "frozen", point)

    EXACT64.check(frozen.loss(point).item(), objective.loss(point).item())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["mlp with batch norm", "convolutional", "residual", "noisy"])
def test_no_mode_leaves_a_trace(name, mode):
    case = build(name)
    for parameter in case.model.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    objective = Objective.now(case.model, case.loss_fn, case.inputs, case.targets)
    before = trace(case.model, case.inputs, case.targets)

    for changed in (objective, in_norm_mode(objective, mode, trainable(case.model))):
        changed.gradient(trainable(case.model))
        in_evaluation_mode(changed).loss(trainable(case.model))

    assert trace(case.model, case.inputs, case.targets) == before
