"""The metrics against the references, on a network with each norm of the table."""

import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import gaussian
from tests.measures.traces import trace
from tests.reference.covariate_shift import covariate_shift as reference_shift
from tests.reference.line import line as reference_line
from torch import nn
from torch.nn import functional

import landscope
from landscope.norms.table import NORMS

SEED = 24
ETAS = (0.05, 0.4)


@pytest.fixture(params=list(NORMS))
def model(request):
    torch.manual_seed(12)
    built = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        NORMS[request.param].builder(4, 2),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3),
        NORMS[request.param].builder(6, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * 4, 3),
    ).double()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return built


@pytest.fixture
def batch():
    return functional.cross_entropy, gaussian(8, 2, 6, 6), torch.arange(8) % 3


def test_covariate_shift(model, batch):
    names = [name for name, _ in model.named_parameters()]
    layers = [
        [name for name in names if name.split(".")[0] in places]
        for places in (("0", "1"), ("3", "4"), ("7",))
    ]
    after = {n: p.detach() + 0.05 * torch.randn_like(p) for n, p in model.named_parameters()}
    expected = reference_shift(model, *batch, layers=layers, after=after, seed=SEED)

    torch.manual_seed(SEED)
    shifts = landscope.covariate_shift(model, *batch, after=after)

    assert [shift.layer for shift in shifts] == ["0", "3", "7"]
    assert_exact([s.l2 for s in shifts], [e.l2 for e in expected])
    assert_exact([s.cosine for s in shifts], [e.cosine for e in expected])


def test_line(model, batch):
    expected = reference_line(model, *batch, etas=ETAS, seed=SEED)

    torch.manual_seed(SEED)
    found = landscope.line(model, *batch, etas=ETAS)

    assert_exact(found.losses, expected.losses)
    assert_exact(found.betas, expected.betas)


def test_no_trace(model, batch):
    before = trace(model, *batch[1:])

    landscope.line(model, *batch, etas=ETAS)
    landscope.covariate_shift(
        model, *batch, after={n: p.detach() + 0.1 for n, p in model.named_parameters()}
    )

    assert trace(model, *batch[1:]) == before
