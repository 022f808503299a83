"""What has no meaning is refused in one line: the value, the rule, the remedy."""

import copy
import math
import re

import pytest
import torch
from tests.measures.networks import build
from tests.measures.traces import trace
from torch import nn
from torch.nn import functional

import landscope
from landscope.errors import UsageError
from landscope.objective import checks
from landscope.objective.checks import check_device


def covariate_shift(model, loss_fn, inputs, targets):
    after = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    return landscope.covariate_shift(model, loss_fn, inputs, targets, after=after)


def line(model, loss_fn, inputs, targets):
    return landscope.line(model, loss_fn, inputs, targets, etas=[0.1])


MEASUREMENTS = [covariate_shift, line, landscope.batch_norm_theory]
every_measurement = pytest.mark.parametrize("measure", MEASUREMENTS)


def refused(*parts):
    """The error, whose text has exactly these three parts."""
    value, rule, remedy = map(re.escape, parts)
    return pytest.raises(UsageError, match=f"^{value}: {rule}; {remedy}$")


@pytest.fixture
def case():
    return build("mlp with batch norm")


@pytest.fixture
def after(case):
    return case.parameters_after_a_step()


def along(case, **options):
    return landscope.line(case.model, case.loss_fn, case.inputs, case.targets, **options)


def shift(case, after):
    return landscope.covariate_shift(
        case.model, case.loss_fn, case.inputs, case.targets, after=after
    )


POINTS = {
    "after": shift,
    "direction": lambda case, direction: along(case, etas=[0.1], direction=direction),
}
every_point = pytest.mark.parametrize("argument", POINTS)
ENTRIES = "it has one entry for each of the 9 parameters that require a gradient"
BUILD_IT = "build it from model.named_parameters()"


@every_point
def test_an_entry_is_missing(argument, case, after):
    del after["3.weight"]

    with refused(f"{argument} lacks '3.weight'", ENTRIES, BUILD_IT):
        POINTS[argument](case, after)


@every_point
def test_an_entry_is_unknown(argument, case, after):
    after["3.bias"] = torch.zeros(6)

    with refused(f"{argument} has the unknown entry '3.bias'", ENTRIES, BUILD_IT):
        POINTS[argument](case, after)


@every_point
def test_an_entry_has_another_name(argument, case, after):
    after["module.0.weight"] = after.pop("0.weight")

    with refused(
        f"{argument} lacks '0.weight' and has the unknown entry 'module.0.weight'",
        ENTRIES,
        BUILD_IT,
    ):
        POINTS[argument](case, after)


@every_point
def test_no_entry_at_all(argument, case):
    with refused(f"{argument} lacks '0.weight'", ENTRIES, BUILD_IT):
        POINTS[argument](case, {})


@every_point
def test_an_entry_has_another_shape(argument, case, after):
    # One that would broadcast, and so go unnoticed.
    after["0.weight"] = after["0.weight"][:1]

    with refused(
        f"{argument}['0.weight'] has shape (1, 5)",
        "the parameter has shape (8, 5)",
        "build it from the same model's named_parameters()",
    ):
        POINTS[argument](case, after)


@every_point
def test_an_entry_is_on_another_device(argument, case, after):
    after["3.weight"] = after["3.weight"].to("meta")

    with refused(
        f"{argument}['3.weight'] has device meta",
        "the parameter has device cpu",
        "build it from the same model's named_parameters()",
    ):
        POINTS[argument](case, after)


@every_point
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.complex128])
def test_an_entry_has_another_type(argument, dtype, case, after):
    after["3.weight"] = after["3.weight"].to(dtype)

    with pytest.raises(UsageError, match=rf"^{argument}\['3\.weight'\].*{dtype}: .*; .*"):
        POINTS[argument](case, after)


def test_what_model_named_parameters_gives_is_right_even_if_some_are_frozen():
    """It is what the remedy says, and a frozen parameter has not moved."""
    case = build("plain mlp")
    case.model[0].requires_grad_(requires_grad=False)
    trained = {n: t for n, t in case.parameters_after_a_step().items() if not n.startswith("0.")}
    everything = {n: p.detach().clone() for n, p in case.model.named_parameters()} | trained

    assert shift(case, everything) == shift(case, trained)


@pytest.mark.parametrize("eta", [0.0, -0.1, math.inf, -math.inf, math.nan])
def test_a_step_size_that_is_none(eta, case):
    with refused(
        f"etas has the step size {eta}",
        "a step size is positive and finite",
        "the line already moves downhill: give the size alone",
    ):
        along(case, etas=[0.1, eta])


def test_no_step_sizes(case):
    with refused("etas is empty", "a grid has at least one step size", "give etas=[0.1]"):
        along(case, etas=[])


def test_a_direction_that_points_nowhere(case, after):
    with refused(
        "direction is zero in every entry",
        "a line has a direction",
        "leave it out to move along the gradient",
    ):
        along(case, etas=[0.1], direction={n: torch.zeros_like(t) for n, t in after.items()})


@every_measurement
def test_a_model_without_parameters(measure, case):
    with refused(
        "model = ReLU has no parameters",
        "a landscape is a function of parameters",
        "pass the network itself, not a loss or an activation",
    ):
        measure(nn.ReLU(), case.loss_fn, case.inputs, case.targets)


@every_measurement
def test_a_model_of_which_nothing_is_trained(measure, case):
    case.model.requires_grad_(requires_grad=False)

    with refused(
        "none of the 9 parameters of Sequential requires a gradient",
        "the landscape is measured over the parameters that are trained",
        "call requires_grad_(True) on those that you train",
    ):
        measure(case.model, case.loss_fn, case.inputs, case.targets)


@every_measurement
@pytest.mark.parametrize(
    ("loss_fn", "found"),
    [
        (lambda outputs, _: outputs.sum(0), "shape (3,)"),
        (lambda outputs, _: outputs[:0, 0], "shape (0,)"),
        (lambda outputs, _: outputs.sum().item(), "float"),
        (lambda *_: None, "NoneType"),
    ],
)
def test_a_loss_that_is_not_one_number(measure, loss_fn, found, case):
    with refused(
        f"loss_fn gave {found}",
        "a loss is one number, a tensor of one element",
        "reduce it, as with .mean() or .sum()",
    ):
        measure(case.model, loss_fn, case.inputs, case.targets)


@pytest.mark.parametrize("measure", [covariate_shift, line])
@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda outputs, _: outputs.detach().sum(),
        lambda outputs, _: (outputs > 0).sum(),
        lambda *_: torch.tensor(3.0),
    ],
)
def test_a_loss_that_does_not_depend_on_the_model(measure, loss_fn, case):
    with refused(
        "the loss does not depend on '0.weight' or any other of 9 parameters",
        "a landscape is a function of parameters",
        "compute the loss from the model's outputs, without detach(), item() or no_grad()",
    ):
        measure(case.model, loss_fn, case.inputs, case.targets)


def test_the_theory_of_a_loss_that_does_not_depend_on_the_model(case):
    with pytest.raises(UsageError, match="the loss does not depend on"):
        landscope.batch_norm_theory(
            case.model, lambda outputs, _: outputs.detach().sum(), case.inputs, case.targets
        )


@every_measurement
def test_a_model_and_a_batch_on_different_devices(measure, case, monkeypatch):
    monkeypatch.setattr(checks, "devices_of", lambda _: {torch.device("cuda", 1)})

    with refused(
        "inputs are on cpu", "the model is on cuda:1", "move the batch with .to('cuda:1')"
    ):
        measure(case.model, case.loss_fn, case.inputs, case.targets)


@every_measurement
@pytest.mark.parametrize("argument", ["inputs", "targets"])
def test_a_batch_without_values(measure, argument, case):
    """It has none to move: .to() would raise, and moving the model would lose its values."""
    batch = {"inputs": case.inputs, "targets": case.targets}
    batch[argument] = batch[argument].to("meta")

    with refused(
        f"{argument} are on the meta device",
        "a landscape is measured on values, of which that device holds none",
        "give a batch with values",
    ):
        measure(case.model, case.loss_fn, **batch)


@every_measurement
def test_a_model_without_values_is_not_told_to_take_its_batch_along(measure, case):
    model = copy.deepcopy(case.model).to("meta")

    with refused(
        "the parameter '0.weight' is on the meta device",
        "a landscape is measured around values, of which that device holds none",
        "give the network values first, as with to_empty() and its own initialisation",
    ):
        measure(model, case.loss_fn, case.inputs, case.targets)


def test_a_part_of_a_batch_may_lie_elsewhere():
    """As the lengths of packed sequences, which torch wants on the CPU."""
    there = {"x": torch.ones(2, device="meta"), "lengths": torch.ones(2)}
    check_device(nn.Linear(2, 2, device="meta"), there, "inputs")
    with refused("inputs are on cpu", "the model is on meta", "move the batch with .to('meta')"):
        check_device(nn.Linear(2, 2, device="meta"), {"lengths": torch.ones(2)}, "inputs")


@every_measurement
@pytest.mark.parametrize("factor", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_where_it_is_measured(measure, factor, case):
    loss = "nan" if math.isnan(factor) else str(factor)

    with refused(
        f"the loss is {loss} at the model's parameters",
        "a landscape is measured around a point where the loss is finite",
        "check the batch and the weights for NaN, or measure at an earlier step",
    ):
        measure(
            case.model,
            lambda outputs, targets: factor * functional.cross_entropy(outputs, targets),
            case.inputs,
            case.targets,
        )


@every_measurement
def test_a_refusal_leaves_no_trace(measure, case):
    before = trace(case.model, case.inputs, case.targets)

    with pytest.raises(UsageError):
        measure(case.model, lambda outputs, _: outputs, case.inputs, case.targets)

    assert trace(case.model, case.inputs, case.targets) == before


@every_measurement
def test_a_network_and_a_batch_without_values(measure):
    case = build("plain mlp")
    case.model.to("meta")
    case.inputs, case.targets = case.inputs.to("meta"), case.targets.to("meta")

    with pytest.raises(UsageError, match=r"^the parameter '0.weight' is on the meta device: .*; "):
        measure(case.model, case.loss_fn, case.inputs, case.targets)


def test_a_gradient_that_is_not_finite():
    case = build("plain mlp")
    gradient = {n: torch.full_like(p, torch.nan) for n, p in case.model.named_parameters()}

    with pytest.raises(UsageError, match=r"^gradient is not finite: .*; .*$"):
        landscope.covariate_shift(
            case.model,
            case.loss_fn,
            case.inputs,
            case.targets,
            after=case.parameters_after_a_step(),
            gradient=gradient,
        )
