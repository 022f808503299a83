"""A line from a loss and a gradient that the step has computed: the same line, for less."""

import re

import pytest
import torch
from tests.measures.any_network import any_network
from tests.measures.definition_2_1 import SEED
from torch.utils.flop_counter import FlopCounterMode

import landscope
from landscope.errors import UsageError

ETAS = (0.05, 0.1, 0.4)
every_network = pytest.mark.parametrize(
    "name", ["sequential", "dropouts", "language model", "one module called twice"]
)


def along(case, *, etas=ETAS, **options):
    torch.manual_seed(SEED)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    return landscope.line(*batch, etas=etas, **options)


def start_of(case):
    """The loss and the gradient of the case's batch, by torch alone."""
    torch.manual_seed(SEED)
    loss = case.loss_fn(case.model(case.inputs), case.targets)
    names, parameters = zip(*case.model.named_parameters(), strict=True)
    gradient = torch.autograd.grad(loss, parameters)
    return loss.detach(), dict(zip(names, gradient, strict=True))


def arithmetic(work):
    """Additions and multiplications of the matrix products in some work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def refused(*parts):
    """The error, whose text has exactly these three parts."""
    value, rule, remedy = map(re.escape, parts)
    return pytest.raises(UsageError, match=f"^{value}: {rule}; {remedy}$")


@every_network
def test_it_is_the_same_line(name):
    case = any_network(name)
    start = start_of(any_network(name))

    assert along(case, start=start) == along(case)


@every_network
def test_it_costs_a_pass_for_each_step_size_and_nothing_more(name):
    case = any_network(name)
    start = start_of(any_network(name))
    step = arithmetic(lambda: start_of(any_network(name)))

    assert arithmetic(lambda: along(case, start=start)) == len(ETAS) * step
    assert arithmetic(lambda: along(case)) == (len(ETAS) + 1) * step


def test_it_goes_along_a_direction_too():
    case = any_network("sequential")
    start = start_of(any_network("sequential"))
    direction = case.parameters_after_a_step()

    assert along(case, start=start, direction=direction) == along(case, direction=direction)


def test_the_start_that_is_given_is_the_one_that_is_compared_with():
    case = any_network("sequential")
    loss, gradient = start_of(any_network("sequential"))
    doubled = {name: 2 * tensor for name, tensor in gradient.items()}

    found = along(case, start=(loss + 1, doubled), direction=gradient)

    assert found.start_loss == loss.item() + 1
    assert found.gradient_norm == 2 * along(case).gradient_norm
    assert found.losses == along(case).losses


def test_what_is_given_is_left_as_it_is():
    case = any_network("sequential")
    loss, gradient = start_of(any_network("sequential"))
    copies = loss.clone(), {name: tensor.clone() for name, tensor in gradient.items()}

    along(case, start=(loss, gradient))

    assert torch.equal(loss, copies[0])
    assert all(torch.equal(gradient[name], copies[1][name]) for name in gradient)


def test_a_gradient_that_does_not_fit():
    case = any_network("sequential")
    loss, gradient = start_of(any_network("sequential"))
    del gradient["9.bias"]

    with pytest.raises(UsageError, match=r"^.*lacks '9\.bias': .*; build it from .*$"):
        along(case, start=(loss, gradient))


def test_a_gradient_of_another_shape():
    case = any_network("sequential")
    loss, gradient = start_of(any_network("sequential"))
    gradient["9.weight"] = gradient["9.weight"][:1]

    with pytest.raises(UsageError, match=r"^.*\['9\.weight'\] has shape \(1, 16\): .*; .*$"):
        along(case, start=(loss, gradient))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite(value):
    case = any_network("sequential")
    _, gradient = start_of(any_network("sequential"))

    with refused(
        f"the loss is {value} at the model's parameters",
        "a landscape is measured around a point where the loss is finite",
        "check the batch and the weights for NaN, or measure at an earlier step",
    ):
        along(case, start=(torch.tensor(value), gradient))


def test_a_loss_that_is_not_one_number():
    case = any_network("sequential")
    _, gradient = start_of(any_network("sequential"))

    with pytest.raises(UsageError, match=r"^.*shape \(2,\).*: .*; .*$"):
        along(case, start=(torch.zeros(2), gradient))
