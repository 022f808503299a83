"""`line` against a walk by hand, and against functions whose smoothness is known."""

import math

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import BUILDERS, build
from tests.reference.line import line as reference
from tests.tolerances import EXACT64
from torch import nn
from torch.nn import functional

import landscope

SEED = 22
ETAS = (0.05, 0.4, 0.1, 0.2)


class Point(nn.Module):
    """A network whose output is its one parameter."""

    def __init__(self, start):
        super().__init__()
        self.w = nn.Parameter(start.clone())

    def forward(self, _):
        return self.w


def quadratic(size, seed):
    """A symmetric matrix, not definite, with its eigenvalues and vectors."""
    root = torch.randn(
        size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    matrix = root + root.T
    return matrix, *torch.linalg.eigh(matrix)


def along_quadratic(matrix, start, **options):
    return landscope.line(
        Point(start),
        lambda outputs, _: 0.5 * outputs @ matrix @ outputs,
        torch.zeros(1).double(),
        torch.zeros(1).double(),
        **options,
    )


def assert_equals(found, expected):
    for name in ("losses", "gradient_changes", "betas", "loss_band", "change_band"):
        numbers, by_hand = getattr(found, name), getattr(expected, name)
        assert_exact(numbers, by_hand)
    assert_exact([found.effective_beta], [expected.effective_beta])


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", BUILDERS)
def test_along_the_gradient(name, training):
    case = build(name)
    case.model.train(training)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    expected = reference(*batch, etas=ETAS, seed=SEED)

    torch.manual_seed(SEED)
    found = landscope.line(*batch, etas=ETAS)

    assert tuple(found.etas) == ETAS
    assert_equals(found, expected)
    assert min(expected.gradient_changes) > 1e-3


@pytest.mark.parametrize("name", BUILDERS)
def test_along_a_direction(name):
    case = build(name)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    direction = {
        n: torch.randn(p.shape, generator=torch.Generator().manual_seed(i), dtype=p.dtype)
        for i, (n, p) in enumerate(case.model.named_parameters())
    }
    expected = reference(*batch, etas=ETAS, direction=direction, seed=SEED)

    torch.manual_seed(SEED)
    found = landscope.line(*batch, etas=ETAS, direction=direction)

    assert_equals(found, expected)


def test_the_order_of_the_entries_of_a_direction_does_not_matter():
    case = build("convolutional")
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    direction = case.parameters_after_a_step()
    backwards = dict(reversed(direction.items()))

    assert_equals(
        landscope.line(*batch, etas=ETAS, direction=direction),
        landscope.line(*batch, etas=ETAS, direction=backwards),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("index", [0, 3, 7])
def test_on_a_quadratic_beta_along_an_eigenvector_is_the_eigenvalue(seed, index):
    matrix, values, vectors = quadratic(8, seed)
    start = torch.randn(8, generator=torch.Generator().manual_seed(99)).double()

    found = along_quadratic(
        matrix, start, etas=[0.01, 1.0, 30.0], direction={"w": vectors[:, index]}
    )

    assert_exact(found.betas, [abs(values[index].item())] * 3)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_quadratic_the_gradient_direction_mixes_the_eigenvalues(seed):
    matrix, values, _ = quadratic(6, seed)
    start = torch.randn(6, generator=torch.Generator().manual_seed(98)).double()
    g = (matrix @ start).numpy()
    a = matrix.numpy()

    found = along_quadratic(matrix, start, etas=[0.1, 0.5])

    beta = np.linalg.norm(a @ g) / np.linalg.norm(g)
    assert_exact(found.betas, [beta, beta])
    assert found.effective_beta <= values.abs().max().item() * (1 + EXACT64.rtol)
    for eta, loss, change in zip((0.1, 0.5), found.losses, found.gradient_changes, strict=True):
        there = start.numpy() - eta * g
        assert_exact([loss], [0.5 * there @ a @ there])
        assert_exact([change], [eta * np.linalg.norm(a @ g)])


def test_a_linear_loss_is_perfectly_smooth():
    slope = torch.randn(7, generator=torch.Generator().manual_seed(1)).double()
    found = landscope.line(
        Point(torch.ones(7).double()),
        lambda outputs, _: slope @ outputs,
        torch.zeros(1).double(),
        torch.zeros(1).double(),
        etas=[1e-3, 1.0, 1e3],
    )

    assert tuple(found.betas) == (0.0, 0.0, 0.0)
    assert found.effective_beta == 0.0
    assert found.change_band == (0.0, 0.0)


def test_the_line_moves_downhill():
    case = build("convolutional")
    with torch.no_grad():
        start = case.loss_fn(case.model(case.inputs), case.targets).item()

    found = landscope.line(case.model, case.loss_fn, case.inputs, case.targets, etas=[1e-3])

    assert found.losses[0] < start


def test_a_longer_direction_with_shorter_steps_is_the_same_line():
    case = build("residual")
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    direction = case.parameters_after_a_step()
    fourfold = {name: 4 * tensor for name, tensor in direction.items()}

    short = landscope.line(*batch, etas=[0.25, 0.5], direction=direction)
    long = landscope.line(*batch, etas=[0.0625, 0.125], direction=fourfold)

    assert long.losses == short.losses
    assert long.gradient_changes == short.gradient_changes
    assert_exact(long.betas, short.betas)


def test_batch_norm_makes_the_loss_blind_to_the_scale_of_the_weights():
    """Moving each weight along itself, where a norm follows, changes no loss."""
    case = build("convolutional")
    for module in case.model:
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-300
    direction = {
        n: p.detach().clone() if n in ("0.weight", "0.bias", "4.weight") else torch.zeros_like(p)
        for n, p in case.model.named_parameters()
    }
    with torch.no_grad():
        start = case.loss_fn(case.model(case.inputs), case.targets).item()

    found = landscope.line(
        case.model, case.loss_fn, case.inputs, case.targets, etas=[0.1, 0.5], direction=direction
    )

    assert_exact(found.losses, [start, start])


def test_a_frozen_parameter_stands_still():
    case = build("plain mlp")
    case.model[0].requires_grad_(requires_grad=False)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)

    assert_equals(landscope.line(*batch, etas=ETAS), reference(*batch, etas=ETAS, seed=SEED))


def test_a_parameter_that_the_loss_does_not_see_counts_for_nothing():
    case = build("plain mlp")
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    without = landscope.line(*batch, etas=ETAS)
    case.model.register_parameter("unused", nn.Parameter(torch.ones(3).double()))

    assert_equals(landscope.line(*batch, etas=ETAS), without)


def test_at_a_critical_point_the_line_stands_still():
    matrix, _, _ = quadratic(4, 0)

    found = along_quadratic(matrix, torch.zeros(4).double(), etas=[1.0])

    assert tuple(found.losses) == (0.0,)
    assert tuple(found.gradient_changes) == (0.0,)
    assert math.isnan(found.betas[0])
    assert math.isnan(found.effective_beta)


def test_gradients_are_measured_even_where_the_caller_has_turned_them_off():
    case = build("convolutional")
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    expected = landscope.line(*batch, etas=ETAS)

    with torch.no_grad():
        found = landscope.line(*batch, etas=ETAS)

    assert found == expected


def test_fresh_noise_is_the_same_noise_at_every_step_size():
    """A step too small to matter changes nothing, though the network draws at each pass."""
    case = build("noisy")
    batch = (case.model, case.loss_fn, case.inputs, case.targets)

    found = landscope.line(*batch, etas=[1e-300, 1e-299])

    assert found.losses[0] == found.losses[1]
    assert found.change_band == (0.0, 0.0)


def test_a_line_can_be_asked_of_a_loss_on_several_inputs():
    torch.manual_seed(0)
    model = nn.Bilinear(3, 4, 2).double()
    first, second = torch.randn(6, 3).double(), torch.randn(6, 4).double()
    targets = torch.randn(6, 2).double()

    class Paired(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, joined):
            return self.inner(joined[:, :3], joined[:, 3:])

    expected = reference(
        Paired(),
        functional.mse_loss,
        torch.cat([first, second], 1),
        targets,
        etas=ETAS,
        seed=SEED,
    )

    as_tuple = landscope.line(model, functional.mse_loss, (first, second), targets, etas=ETAS)
    as_dict = landscope.line(
        model, functional.mse_loss, {"input1": first, "input2": second}, targets, etas=ETAS
    )

    assert_equals(as_tuple, expected)
    assert as_dict == as_tuple
