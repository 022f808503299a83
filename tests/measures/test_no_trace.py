"""A measurement leaves no trace: not in the model, not in the random streams, not on errors."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.measures.networks import BUILDERS, build, gaussian
from tests.measures.traces import trace
from torch import nn
from torch.nn import functional

import landscope


def covariate_shift(case, loss_fn):
    after = case.parameters_after_a_step()
    return landscope.covariate_shift(case.model, loss_fn, case.inputs, case.targets, after=after)


def line(case, loss_fn):
    return landscope.line(case.model, loss_fn, case.inputs, case.targets, etas=[0.1, 0.2])


def batch_norm_theory(case, loss_fn):
    return landscope.batch_norm_theory(case.model, loss_fn, case.inputs, case.targets)


MEASUREMENTS = {"covariate shift": covariate_shift, "line": line, "theory": batch_norm_theory}
# How often each calls the loss at least: the shift for its gradient, once with all layers moved,
# and for each layer but the first.
CALLS = {"covariate shift": 4, "line": 3, "theory": 1}
WITH_BATCH_NORM = ("mlp with batch norm", "convolutional", "residual", "noisy")
PAIRS = [
    (measurement, name)
    for measurement in MEASUREMENTS
    for name in BUILDERS
    if measurement != "theory" or name in WITH_BATCH_NORM
]


def leave_some_gradients(case):
    """Gradients on every other parameter: .grad must stay what it is, None included."""
    for index, parameter in enumerate(case.model.parameters()):
        if index % 2:
            parameter.grad = torch.full_like(parameter, 0.5)


def advance_the_streams():
    """So that nobody passes by setting them back to a seed."""
    torch.rand(5)
    np.random.random(5)


@pytest.mark.parametrize(("measurement", "name"), PAIRS)
def test_the_model_and_the_streams_are_what_they_were(measurement, name):
    case = build(name)
    leave_some_gradients(case)
    next(case.model.children()).eval()
    advance_the_streams()
    before = trace(case.model, case.inputs, case.targets)

    MEASUREMENTS[measurement](case, case.loss_fn)

    assert trace(case.model, case.inputs, case.targets) == before


@pytest.mark.parametrize("name", ["noisy", "residual"])
@pytest.mark.parametrize(
    ("measurement", "calls"),
    [(m, calls) for m in MEASUREMENTS for calls in range(CALLS[m])],
)
def test_nor_does_a_loss_that_raises_midway_leave_one(measurement, name, calls):
    case = build(name)
    leave_some_gradients(case)
    left = iter(range(calls))

    def raises_later(outputs, targets):
        if next(left, None) is None:
            raise KeyError("from inside the loss")
        return case.loss_fn(outputs, targets)

    before = trace(case.model, case.inputs, case.targets)

    with pytest.raises(KeyError, match="from inside the loss"):
        MEASUREMENTS[measurement](case, raises_later)

    assert trace(case.model, case.inputs, case.targets) == before


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_nor_does_a_model_that_raises_midway(measurement):
    case = build("mlp with batch norm")

    class Raises(nn.Module):
        def forward(self, _):
            torch.rand(3)
            raise KeyError("from inside the model")

    case.model.append(Raises())
    before = trace(case.model)

    with pytest.raises(KeyError, match="from inside the model"):
        MEASUREMENTS[measurement](case, case.loss_fn)

    assert trace(case.model) == before


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_a_loss_that_draws_random_numbers_leaves_the_streams_alone(measurement):
    case = build("mlp with batch norm")

    def noisy_loss(outputs, targets):
        noise = torch.randn_like(outputs) * np.random.random()
        return case.loss_fn(outputs + 0.1 * noise, targets)

    before = trace(case.model)

    MEASUREMENTS[measurement](case, noisy_loss)

    assert trace(case.model) == before


def test_a_loss_that_draws_random_numbers_draws_the_same_at_every_step_size():
    case = build("plain mlp")

    def noisy_loss(outputs, targets):
        return case.loss_fn(outputs + torch.randn_like(outputs), targets)

    found = landscope.line(case.model, noisy_loss, case.inputs, case.targets, etas=[1e-300])

    assert found.losses[0] == found.start_loss
    assert found.gradient_changes[0] == 0.0


PYTHON_STREAM = """
import random
import landscope
from tests.measures.networks import build

case = build("convolutional")
batch = (case.model, lambda o, t: random.random() * case.loss_fn(o, t), case.inputs, case.targets)
before = random.getstate()
flat = landscope.line(*batch, etas=[1e-300])
landscope.covariate_shift(*batch, after=case.parameters_after_a_step())
landscope.batch_norm_theory(*batch)
print(random.getstate() == before, flat.losses[0] == flat.start_loss)
"""


def test_pythons_own_stream_is_replayed_and_left_alone_too():
    """In another process, where beartype does not draw from it."""
    done = subprocess.run(
        [sys.executable, "-c", PYTHON_STREAM], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_two_measurements_in_a_row_read_the_same(measurement):
    case = build("noisy")

    first = MEASUREMENTS[measurement](case, case.loss_fn)

    assert MEASUREMENTS[measurement](case, case.loss_fn) == first


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_training_goes_on_as_if_nothing_had_been_measured(measurement):
    """Three steps with dropout, noise and momentum, measured before, between and after."""

    def train(measure):
        torch.manual_seed(31)
        case = build("noisy")
        optimiser = torch.optim.SGD(case.model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            if measure:
                MEASUREMENTS[measurement](case, case.loss_fn)
            optimiser.zero_grad()
            loss = case.loss_fn(case.model(case.inputs), case.targets)
            loss.backward()
            if measure:
                MEASUREMENTS[measurement](case, case.loss_fn)
            optimiser.step()
        state = [t.numpy().tobytes() for t in case.model.state_dict().values()]
        momenta = [s["momentum_buffer"].numpy().tobytes() for s in optimiser.state.values()]
        return state, momenta, torch.get_rng_state().numpy().tobytes()

    assert train(measure=True) == train(measure=False)


def test_a_recurrent_network_trains_on_and_can_be_copied():
    """An LSTM keeps its weights in a list of its own, too."""

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.read = nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.3)
            self.out = nn.Linear(4, 2)

        def forward(self, x):
            return self.out(self.read(x)[0][:, -1])

    def train(measure):
        torch.manual_seed(32)
        model = Reader().double()
        inputs, targets = gaussian(5, 6, 3), gaussian(5, 2, seed=8)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            if measure:
                after = {n: p.detach() + 0.1 for n, p in model.named_parameters()}
                batch = (model, functional.mse_loss, inputs, targets)
                landscope.covariate_shift(*batch, after=after)
                landscope.line(*batch, etas=[0.1])
                copy.deepcopy(model)
            optimiser.zero_grad()
            functional.mse_loss(model(inputs), targets).backward()
            optimiser.step()
        return [p.detach().numpy().tobytes() for p in model.parameters()]

    assert train(measure=True) == train(measure=False)
