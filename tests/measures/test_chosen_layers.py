"""Some of the layers, and a gradient that is known already: the same numbers for less."""

import re

import pytest
import torch
from tests.measures.any_network import any_network
from tests.measures.definition_2_1 import SEED, measured
from tests.measures.networks import Case, built, gaussian, weight_and_bias
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from landscope.errors import UsageError

# Some with branches, draws, or a weight in two places; one runs whole for each layer.
NETWORKS = {
    name: lambda name=name: any_network(name)
    for name in (
        *("residual", "encoder layer, norm last", "dropouts", "language model", "recurrent"),
        *("a reversed gradient", "Python looks: item", "forces"),
    )
}
every_network = pytest.mark.parametrize("name", NETWORKS)


def refused(*parts):
    """The error, whose text has exactly these three parts."""
    value, rule, remedy = map(re.escape, parts)
    return pytest.raises(UsageError, match=f"^{value}: {rule}; {remedy}$")


def gradient_of(case):
    """The gradient of the case's batch, by torch alone."""
    torch.manual_seed(SEED)
    inputs = case.inputs if isinstance(case.inputs, tuple) else (case.inputs,)
    loss = case.loss_fn(case.model(*inputs), case.targets)
    names, parameters = zip(*case.model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


def arithmetic(work):
    """Additions and multiplications of the matrix products in some work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@every_network
def test_a_chosen_layer_reads_as_among_all(name):
    case = NETWORKS[name]()
    everything = {shift.layer: shift for shift in measured(case)}

    for layer, expected in everything.items():
        assert measured(case, layers=[layer]) == [expected]


@every_network
def test_chosen_layers_come_in_the_order_of_execution(name):
    case = NETWORKS[name]()
    everything = measured(case)
    names = [shift.layer for shift in everything]

    assert measured(case, layers=(names[-1], names[0], names[-1])) == [
        everything[0],
        everything[-1],
    ]
    assert measured(case, layers=set(names)) == everything


@every_network
@pytest.mark.parametrize("every", [1, 2, 3, 100])
def test_every_kth_layer_is_the_first_and_each_kth_after_it(name, every):
    case = NETWORKS[name]()

    assert measured(case, every=every) == measured(case)[::every]


def test_every_kth_of_chosen_layers():
    case = NETWORKS["residual"]()
    everything = measured(case)
    names = [shift.layer for shift in everything]

    assert measured(case, layers=names[1:], every=2) == everything[1::2]


@every_network
def test_a_gradient_that_is_known_changes_nothing(name):
    case = NETWORKS[name]()

    assert measured(case, gradient=gradient_of(case)) == measured(case)


def test_the_gradient_given_is_the_one_that_is_compared_with():
    case = NETWORKS["residual"]()
    gradient = {name: 2 * tensor for name, tensor in gradient_of(case).items()}

    for shift, alone in zip(measured(case, gradient=gradient), measured(case), strict=True):
        assert shift.gradient_norm == 2 * alone.gradient_norm


@pytest.mark.parametrize("given", ["gradient", "layers", "every"])
def test_what_is_given_is_left_as_it_is(given):
    case = NETWORKS["residual"]()
    gradient = gradient_of(case)
    after = case.parameters_after_a_step()
    copies = [{n: t.clone() for n, t in each.items()} for each in (gradient, after)]
    options = {"gradient": gradient, "layers": ["0", "7"], "every": 2}

    measured(case, after=after, **{given: options[given]})

    for each, copy in zip((gradient, after), copies, strict=True):
        assert list(each) == list(copy)
        assert all(torch.equal(each[name], copy[name]) for name in copy)


DEPTH, WIDTH, BATCH = 8, 6, 5
PRODUCT = 2 * BATCH * WIDTH * WIDTH


def square_network():
    """Each layer costs the same: forward, backward to its inputs, and backward to its weights."""
    layers = {str(2 * k): weight_and_bias(str(2 * k)) for k in range(DEPTH)}
    steps = [step for _ in range(DEPTH) for step in (nn.Linear(WIDTH, WIDTH), nn.Tanh())]
    targets = gaussian(BATCH, WIDTH, seed=5)
    return built(
        lambda: Case(
            nn.Sequential(*steps), functional.mse_loss, gaussian(BATCH, WIDTH), targets, layers
        )
    )


def at_most(positions):
    """One pass forward, and the part behind each layer: forward, backward, and its weights."""
    behind = [2 * (DEPTH - position) for position in positions if position > 0]
    return (DEPTH + sum(behind)) * PRODUCT


@pytest.mark.parametrize(
    ("options", "positions"),
    [
        ({}, range(DEPTH)),
        ({"every": 2}, range(0, DEPTH, 2)),
        ({"every": 5}, (0, 5)),
        ({"layers": ["14"]}, (7,)),
        ({"layers": ["2", "8"]}, (1, 4)),
        ({"layers": ["2", "4", "6", "8"], "every": 3}, (1, 4)),
    ],
)
def test_the_arithmetic_falls_with_the_layers(options, positions):
    case = square_network()
    gradient = gradient_of(case)

    assert arithmetic(lambda: measured(case, gradient=gradient, **options)) <= at_most(positions)


def test_a_gradient_that_is_known_saves_a_forward_and_a_backward_pass():
    case = square_network()
    gradient = gradient_of(case)

    known = arithmetic(lambda: measured(case, gradient=gradient))

    assert arithmetic(lambda: measured(case)) - known == (3 * DEPTH - 1) * PRODUCT


def test_the_first_layer_alone_needs_no_backward_pass():
    case = square_network()
    gradient = gradient_of(case)

    assert arithmetic(lambda: measured(case, gradient=gradient, layers=["0"])) <= at_most([0])


def test_an_unknown_layer():
    case = NETWORKS["residual"]()
    known = ["0", "3.conv1", "3.conv2", "4.conv1", "4.conv2", "4.downsample.0", "7"]

    with refused(
        "layers has the unknown entry '3.bn1'",
        f"the network's layers are {', '.join(map(repr, known))}",
        "choose among them",
    ):
        measured(case, layers=["0", "3.bn1"])


def test_no_layer_at_all():
    with refused(
        "layers is empty", "at least one layer is measured", "leave it out to measure all"
    ):
        measured(NETWORKS["residual"](), layers=[])


@pytest.mark.parametrize("every", [0, -1])
def test_less_than_every_layer(every):
    with refused(
        f"every = {every}", "every n-th layer is measured, n from 1", "give every=1 for all"
    ):
        measured(NETWORKS["residual"](), every=every)


ENTRIES = "it has one entry for each of the 20 parameters that require a gradient"
BUILD_IT = "build it from model.named_parameters()"


def test_a_gradient_that_lacks_an_entry():
    case = NETWORKS["residual"]()
    gradient = gradient_of(case)
    del gradient["7.bias"]

    with refused("gradient lacks '7.bias'", ENTRIES, BUILD_IT):
        measured(case, gradient=gradient)


def test_a_gradient_with_an_entry_too_many():
    case = NETWORKS["residual"]()
    gradient = gradient_of(case) | {"7.scale": torch.zeros(3)}

    with refused("gradient has the unknown entry '7.scale'", ENTRIES, BUILD_IT):
        measured(case, gradient=gradient)


def test_a_gradient_of_another_shape():
    case = NETWORKS["residual"]()
    gradient = gradient_of(case)
    gradient["7.weight"] = gradient["7.weight"][:1]

    with refused(
        "gradient['7.weight'] has shape (1, 6)",
        "the parameter has shape (3, 6)",
        "build it from the same model's named_parameters()",
    ):
        measured(case, gradient=gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_a_gradient_of_another_type(dtype):
    case = NETWORKS["residual"]()
    gradient = {name: tensor.to(dtype) for name, tensor in gradient_of(case).items()}

    with pytest.raises(UsageError, match=rf"^gradient\['0\.weight'\] has type {dtype}: .*; .*$"):
        measured(case, gradient=gradient)


def test_a_gradient_on_another_device():
    case = NETWORKS["residual"]()
    gradient = {name: tensor.to("meta") for name, tensor in gradient_of(case).items()}

    with pytest.raises(UsageError, match=r"^gradient\['0\.weight'\] has device meta: .*; .*$"):
        measured(case, gradient=gradient)
