"""Networks, losses and moments that have to be refused, or to be measured right."""

import contextlib
import warnings

import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.definition_2_1 import (
    assert_is_definition_2_1,
    assert_line_is_a_walk_by_hand,
    by_hand,
    measured,
)
from tests.measures.networks import Case, build, built, classes, gaussian, weight_and_bias
from torch import nn
from torch.nn import functional

import landscope
from landscope.errors import UsageError

A_REFUSAL = r"^[^:]+: .+; .+$"


def shift(case):
    after = {name: torch.zeros(1) for name, _ in case.model.named_parameters()}
    return measured(case, after=after if case.layers == {} else None)


def line(case):
    return landscope.line(case.model, case.loss_fn, case.inputs, case.targets, etas=[0.1])


every_measurement = pytest.mark.parametrize("measure", [shift, line])


@every_measurement
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_a_network_that_has_not_yet_seen_a_batch(measure):
    model = nn.Sequential(nn.LazyLinear(5), nn.Linear(5, 3))
    case = Case(model, functional.cross_entropy, gaussian(6, 4).float(), classes(6), {})

    with pytest.raises(UsageError, match=A_REFUSAL):
        measure(case)


@every_measurement
def test_a_loss_that_is_a_complex_number(measure):
    case = build("plain mlp")
    case.loss_fn = lambda outputs, _: (outputs * 1j).sum()

    with pytest.raises(UsageError, match=A_REFUSAL):
        measure(case)


@every_measurement
def test_inference_mode(measure):
    case = build("plain mlp")

    with torch.inference_mode(), pytest.raises(UsageError, match=r"^.*inference.*: .*; .*$"):
        measure(case)


def test_a_name_in_place_of_a_list_of_names():
    """Else the layers '1' and '0' would be measured where '10' is asked for."""
    with pytest.raises(UsageError, match=r"^layers .*'10'.*: .*; .*$"):
        measured(build("plain mlp"), layers="10")


def sparse():
    model = nn.Sequential(
        nn.Unflatten(1, (2, 2)), nn.Linear(2, 2), nn.Flatten(), nn.Linear(4, 3, bias=False)
    )

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = nn.Linear(2, 4)
            self.words = nn.Embedding(7, 4, sparse=True)
            self.rest = model

        def forward(self, x, words):
            return self.rest(torch.tanh(self.lift(x)) * self.words(words))

    layers = {
        "lift": weight_and_bias("lift"),
        "words": ["words.weight"],
        "rest.1": weight_and_bias("rest.1"),
        "rest.3": ["rest.3.weight"],
    }
    words = torch.randint(0, 7, (6,), generator=torch.Generator().manual_seed(4))
    return built(
        lambda: Case(Words(), functional.cross_entropy, (gaussian(6, 2), words), classes(6), layers)
    )


def test_an_embedding_with_a_sparse_gradient():
    case = sparse()

    assert_is_definition_2_1(measured(case), case, by_hand(case))
    assert_line_is_a_walk_by_hand(case)


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(4, 5, dtype=torch.complex128))
        self.second = nn.Parameter(torch.randn(5, 3, dtype=torch.complex128))

    def forward(self, x):
        return (torch.sin(x.to(self.first.dtype) @ self.first) @ self.second).abs()


def test_complex_parameters_are_right_or_refused():
    """The norm of a complex gradient is that of its real and imaginary parts together."""
    torch.manual_seed(1)
    model = Complex()
    inputs, targets = gaussian(6, 4), classes(6)
    gradient = torch.autograd.grad(
        functional.cross_entropy(model(inputs), targets), model.parameters()
    )
    after = {name: p.detach() + 0.1 for name, p in model.named_parameters()}
    batch = (model, functional.cross_entropy, inputs, targets)

    with contextlib.suppress(UsageError):
        shifts = landscope.covariate_shift(*batch, after=after)
        norms = [torch.view_as_real(g).norm().item() for g in gradient]
        assert_exact([s.gradient_norm for s in shifts], norms)


def networks(compiled):
    """One network with a part that Python cannot look into, and without."""
    torch.manual_seed(1)
    part = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5)).double()
    first, last = nn.Linear(4, 5).double(), nn.Linear(5, 3).double()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return nn.Sequential(first, compiled(part), last), nn.Sequential(first, part, last)


@pytest.mark.parametrize("measurement", ["shift", "line"])
@pytest.mark.parametrize(
    "compiled",
    [torch.jit.script, lambda part: torch.jit.trace(part, torch.zeros(1, 5).double())],
    ids=["script", "trace"],
)
def test_a_scripted_part_is_right_or_refused(compiled, measurement):
    """Its weights are not to be exchanged from outside: it would stay where it was."""

    def found(model):
        batch = (model, functional.cross_entropy, gaussian(8, 4), classes(8))
        if measurement == "line":
            return [landscope.line(*batch, etas=[0.1]).losses[0]]
        after = {n: p.detach() + 0.1 * p.detach().cos() for n, p in model.named_parameters()}
        return [shift.l2 for shift in landscope.covariate_shift(*batch, after=after)]

    opaque, plain = networks(compiled)

    with contextlib.suppress(UsageError):
        assert_exact(found(opaque), found(plain))
