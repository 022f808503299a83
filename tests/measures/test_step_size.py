"""`step_size` against a walk by hand, and against quadratics whose edge is known."""

import math
import re

import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import BUILDERS, build
from tests.measures.traces import trace
from tests.reference.step_size import step_size as reference
from torch import nn

import landscope
from landscope.errors import UsageError

SEED = 22
MULTIPLES = (0.5, 1.0, 3.0)


def random_update(model, seed=4):
    """Not a gradient, so that no law of gradients holds by chance; mostly downhill or not."""
    stream = torch.Generator().manual_seed(seed)
    return {
        name: 0.01 * torch.randn(p.shape, generator=stream, dtype=torch.float64).to(p.dtype)
        for name, p in model.named_parameters()
        if p.requires_grad
    }


@pytest.mark.parametrize("name", BUILDERS)
def test_against_a_walk_by_hand(name):
    case = build(name)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    options = {"update": random_update(case.model), "lr": 0.3, "multiples": MULTIPLES}
    expected = reference(*batch, **options, seed=SEED)

    torch.manual_seed(SEED)
    before = trace(case.model)
    found = landscope.step_size(*batch, **options)

    assert trace(case.model) == before
    assert_exact(found.losses, expected.losses)
    assert found.safe_multiple == expected.safe_multiple
    assert_exact([found.curvature], [expected.curvature])
    if found.descent > 0:
        assert_exact([found.sharpness_lr], [expected.sharpness_lr])
        assert_exact([found.metric_beta], [expected.metric_beta])
    else:
        assert math.isnan(found.sharpness_lr)


class Point(nn.Module):
    """A network whose output is its one parameter."""

    def __init__(self, start):
        super().__init__()
        self.w = nn.Parameter(start.clone())

    def forward(self, _):
        return self.w


MATRIX = torch.diag(torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64))
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
SLOPE = MATRIX @ START


def along_quadratic(update, lr, **options):
    nothing = torch.zeros(1).double()
    return landscope.step_size(
        Point(START),
        lambda outputs, _: 0.5 * outputs @ MATRIX @ outputs,
        nothing,
        nothing,
        update={"w": update},
        lr=lr,
        **options,
    )


def test_gradient_descent_on_a_quadratic_sees_the_rayleigh_quotient():
    rayleigh = (SLOPE @ MATRIX @ SLOPE / (SLOPE @ SLOPE)).item()
    found = along_quadratic(0.01 * SLOPE, 0.01)

    assert_exact([found.curvature, found.metric_beta], [rayleigh, rayleigh])
    assert_exact([found.inverse_beta, found.sharpness_lr], [1 / rayleigh, 0.01 * rayleigh])


def test_a_preconditioned_update_is_measured_in_its_own_metric():
    metric = torch.tensor([0.5, 2.0, 7.0], dtype=torch.float64)
    d = SLOPE / metric
    expected = (d @ MATRIX @ d / (d @ (metric * d))).item()
    found = along_quadratic(0.02 * d, 0.02)

    assert_exact([found.metric_beta], [expected])
    assert_exact([found.curvature], [(d @ MATRIX @ d / (d @ d)).item()])


def test_at_the_edge_the_loss_after_the_step_is_that_before():
    edge = 2 / (SLOPE @ MATRIX @ SLOPE / (SLOPE @ SLOPE)).item()
    found = along_quadratic(edge * SLOPE, edge, multiples=(0.5, 1.0))

    assert_exact([found.sharpness_lr, found.losses[1]], [2.0, found.start_loss])


@pytest.mark.parametrize(
    ("lr", "safe"), [(0.01, 16.0), (0.05, 4.0), (0.2, 1.0), (1.0, 0.25), (2.0, 0.0)]
)
def test_the_largest_multiple_before_the_loss_rises(lr, safe):
    # Along the gradient the edge of this quadratic is at a step size of 0.388.
    found = along_quadratic(lr * SLOPE, lr)

    assert found.safe_multiple == safe
    assert found.safe_lr == safe * lr


def test_a_loss_that_falls_again_behind_a_rise_is_not_reached():
    def bumpy(outputs, _):
        return torch.cos(outputs).sum()

    nothing = torch.zeros(1).double()
    model = Point(torch.tensor([1.0], dtype=torch.float64))
    update = {"w": torch.tensor([-1.0], dtype=torch.float64)}
    # cos 1 = 0.54, cos 2 < 0, cos 5 = 0.28, cos 7 = 0.75, cos 9 < 0: up again in between.
    found = landscope.step_size(
        model, bumpy, nothing, nothing, update=update, lr=1.0, multiples=(1.0, 4.0, 6.0, 8.0)
    )

    assert found.losses[3] < found.start_loss < found.losses[2]
    assert found.safe_multiple == 4.0


def test_a_step_uphill_has_no_beta_and_is_nowhere_safe():
    found = along_quadratic(-0.01 * SLOPE, 0.01)

    assert found.safe_multiple == 0.0
    assert math.isnan(found.metric_beta)
    assert math.isnan(found.inverse_beta)
    # Curvature has no direction: it is that of the way down.
    assert_exact([found.curvature], [along_quadratic(0.01 * SLOPE, 0.01).curvature])


def test_no_step_has_no_curvature():
    found = along_quadratic(0 * SLOPE, 0.0)

    assert math.isnan(found.curvature)
    assert math.isnan(found.sharpness_lr)
    assert math.isnan(found.safe_multiple)  # it goes nowhere: no multiple says anything
    assert math.isnan(found.safe_lr)


def test_a_loss_that_is_not_a_number_is_not_safe():
    nothing = torch.zeros(1).double()
    found = landscope.step_size(
        Point(torch.tensor([4.0], dtype=torch.float64)),
        lambda outputs, _: outputs.sqrt().sum(),
        nothing,
        nothing,
        update={"w": torch.tensor([1.0], dtype=torch.float64)},
        lr=1.0,
    )

    assert math.isnan(found.losses[-1])
    assert found.safe_multiple == 4.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"multiples": ()}, "etas is empty"),
        (
            {"multiples": (2.0, 1.0)},
            "multiples = (2.0, 1.0): the search for the largest safe multiple starts",
        ),
        ({"multiples": (1.0, 1.0)}, "give them in increasing order, each once"),
        ({"multiples": (-1.0, 1.0)}, "a step size is positive and finite"),
        ({"lr": -0.1}, "lr = -0.1: a learning rate is not negative"),
        ({"update": torch.zeros(2).double()}, "update['w'] has shape (2,)"),
    ],
)
def test_bad_input_is_refused(options, text):
    with pytest.raises(UsageError, match=re.escape(text)):
        along_quadratic(**{"update": SLOPE, "lr": 0.1, **options})
