"""Backward passes in segments: the same numbers, one more forward pass, and less memory."""

import re
from functools import partial

import pytest
import torch
from tests.measures.any_network import NETWORKS, any_network
from tests.measures.comparison import assert_exact
from tests.measures.definition_2_1 import QUANTITIES, assert_leaves_no_trace, measured
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import landscope
from benchmarks.memory import peak_memory
from landscope.errors import UsageError
from landscope.measures.covariate_shift import LayerShift, shift_of_layers
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters, displaced, trainable

pytestmark = pytest.mark.slow

DEPTH, WIDTH, SAMPLES = 16, 8, 512


@pytest.mark.parametrize("segments", [2, 3, 50])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_reads_the_same_in_segments(name, segments):
    case = any_network(name)

    expected, found = measured(case), measured(case, segments=segments)

    assert [shift.obstacle for shift in found] == [None] * len(expected)
    for quantity in QUANTITIES:
        assert_exact(
            [getattr(shift, quantity) for shift in found],
            [getattr(shift, quantity) for shift in expected],
        )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("loss_scale", [1.0, 1024.0])
def test_segments_read_the_same_under_autocast(dtype, loss_scale):
    """A weight that is used in two parts is cast in each; here it is given the same casts."""

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.twice, self.norm = (
                nn.Linear(6, 16),
                nn.Linear(16, 16),
                nn.LayerNorm(16),
            )
            self.drop, self.head = nn.Dropout(0.3), nn.Linear(16, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            at = self.drop(self.norm(self.twice(self.first(inputs).relu_())))
            return self.head(self.twice(at).tanh())

    torch.manual_seed(0)
    model, inputs, targets = Mixed(), torch.randn(32, 6), torch.randint(3, (32,))
    after = {name: 0.7 * p.detach() for name, p in model.named_parameters()}
    found = {}
    for segments in (1, 2, 5):
        with torch.autocast("cpu", dtype=dtype):
            torch.manual_seed(1)
            found[segments] = landscope.covariate_shift(
                *(model, functional.cross_entropy, inputs, targets),
                after=after,
                segments=segments,
                loss_scale=loss_scale,
            )

    assert [shift.obstacle for shift in found[1]] == [None] * 3
    assert found[2] == found[1]
    assert found[5] == found[1]


@pytest.mark.parametrize("name", ["dropouts", "residual"])
def test_segments_leave_no_trace(name, monkeypatch):
    monkeypatch.setattr(
        landscope, "covariate_shift", partial(landscope.covariate_shift, segments=3)
    )
    assert_leaves_no_trace(any_network(name))


class Step:
    """A deep perceptron of even layers and its step, whose sizes are easily told."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        layers = [[nn.Linear(WIDTH, WIDTH), nn.Tanh()] for _ in range(DEPTH)]
        model = nn.Sequential(*(module for layer in layers for module in layer)).double()
        inputs = torch.randn(SAMPLES, WIDTH, dtype=torch.float64)
        self.objective = Objective.now(model, functional.mse_loss, inputs, torch.zeros_like(inputs))
        self.before = trainable(model)
        _, _, self.gradient = self.objective.gradient(self.before)
        self.after = displaced(self.before, self.gradient, 0.1)

    def shifts(self, segments: int) -> list[LayerShift]:
        return shift_of_layers(
            self.objective, self.before, self.after, gradient=self.gradient, segments=segments
        )


def arithmetic(step: Step, segments: int) -> int:
    with FlopCounterMode(display=False) as counter:
        step.shifts(segments)
    return counter.get_total_flops()


def test_segments_take_their_forward_arithmetic_once_more():
    step = Step()
    product = 2 * SAMPLES * WIDTH * WIDTH
    # Of the last segment nothing is forgotten, and so nothing is computed twice.
    once, twice = arithmetic(step, 1), arithmetic(step, 4)
    suffixes = sum(range(1, DEPTH)) * product

    assert 0.5 * suffixes < twice - once < suffixes


def test_segments_take_less_memory():
    step = Step()
    activation = SAMPLES * WIDTH * 8

    above = {
        segments: peak_memory(partial(step.shifts, segments), held=[], device="cpu").above
        for segments in (1, 4)
    }

    # A layer keeps the result of its activation. In four segments that is a quarter of the layers
    # at a time, and what crosses the three cuts. On its way back, a gradient and the results that
    # it needs take a few more in either.
    assert above[1] > DEPTH * activation
    assert above[1] - above[4] > (DEPTH - DEPTH / 4 - 3 - 1) * activation


def test_a_loss_that_differentiates_by_itself_is_still_right():
    """A penalty on the gradient of the inputs needs a graph while the pass is recorded."""

    class Penalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            inputs = inputs.detach().requires_grad_()
            outputs = self.second(self.first(inputs).tanh())
            (slope,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
            return outputs + slope.square().sum(1, keepdim=True)

    torch.manual_seed(0)
    model = Penalised().double()
    inputs, targets = torch.randn(5, 3).double(), torch.randn(5, 1).double()
    after: Parameters = {name: 0.9 * p.detach() for name, p in model.named_parameters()}
    batch = (model, functional.mse_loss, inputs, targets)

    whole = landscope.covariate_shift(*batch, after=after)

    assert landscope.covariate_shift(*batch, after=after, segments=2) == whole


@pytest.mark.parametrize("segments", [0, -1])
def test_less_than_one_segment_is_refused(segments):
    case = any_network("residual")

    value, rule, remedy = map(
        re.escape,
        (f"segments = {segments}", "a backward pass is run in so many parts, from 1", "give seg"),
    )
    with pytest.raises(UsageError, match=f"^{value}: {rule}; {remedy}"):
        measured(case, segments=segments)
