"""Contract 5: each probe's declared cost against the arithmetic of its look, which is counted."""

import functools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from landscope.models.dln import DLN
from landscope.models.mlp import MLP
from landscope.models.vgg import VGG, VGG_CONFIGS, VggConfig
from landscope.norms.table import builder
from landscope.objective.arithmetic import operations_in, work_of
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import displaced, trainable
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.distribution import Distribution, Watched
from landscope.probes.gradient import Gradient
from landscope.probes.line import FixedLine, PaperLine, RandomLine
from landscope.probes.noise_scale import NoiseScale
from landscope.probes.norm_health import NormHealth
from landscope.probes.optimum import NearestOptimum
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import Snapshot, StepView
from landscope.probes.step_size import StepSize
from landscope.probes.theory import Theory
from landscope.probes.update import Update
from landscope.reading import Provenance

BATCH = builder("batch")
EVERY = EverySteps(1)
SAMPLES = 4
# A declaration is a promise, so never less than the arithmetic; nor so much that it says nothing.
MOST = 1.6

IMAGE = (SAMPLES, 1, 32, 32)
NETWORKS: dict[str, Callable[[], tuple[nn.Module, torch.Tensor]]] = {
    "mlp": lambda: (MLP((32,) * 21, norm=BATCH), torch.randn(SAMPLES, 32)),
    "dln": lambda: (DLN(10, 16, norm=BATCH), torch.randn(SAMPLES, 10)),
    "narrow vgg": lambda: (
        VGG(VggConfig((8,) * 16, (), channels=1), norm=BATCH),
        torch.randn(SAMPLES, 1, 8, 8),
    ),
    "vgg-small": lambda: (VGG(VGG_CONFIGS["vgg-small"], norm=BATCH), torch.randn(IMAGE)),
    "vgg-11": lambda: (
        VGG(VGG_CONFIGS["vgg-11"], norm=BATCH, in_channels=1),
        torch.randn(IMAGE),
    ),
}


NAMES = [
    "dln",
    "vgg-small",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("mlp", "narrow vgg", "vgg-11")),
]


class Counted:
    """A network at a step, with the arithmetic of that step's passes."""

    def __init__(self, model: nn.Module, inputs: torch.Tensor) -> None:
        self.inputs = inputs
        outputs = model(inputs)
        targets = torch.randn_like(outputs)
        self.forward = operations_in(lambda: model(inputs))
        self.backward = operations_in(functional.mse_loss(outputs, targets).backward)
        objective = Objective.now(model, functional.mse_loss, inputs, targets)
        before = trainable(model)
        self.layers = execution_order(objective, before)
        self.work = work_of(objective, before, SAMPLES)
        loss, data_loss, gradient = objective.gradient(before)
        after = displaced(before, gradient, 0.1)
        self.shot = Snapshot(objective, before, after, gradient, Provenance())
        self.view = StepView(0, 0.1, loss, data_loss, self.shot)

    def excess(self, probe: Probe) -> float:
        """The declared cost of a probe's next look over what the look takes."""
        cost = probe.cost(self.work)
        declared = round(cost.forward * self.forward + cost.backward * self.backward)
        # No pass of a fresh objective has shown the order of the layers yet.
        fresh = replace(self.shot, objective=replace(self.shot.objective))
        view = replace(self.view, snapshot=fresh)
        return declared / operations_in(lambda: probe.read(view))


@functools.cache
def step(name: str) -> Counted:
    torch.manual_seed(0)
    return Counted(*NETWORKS[name]())


@pytest.mark.parametrize("name", NAMES)
def test_a_step_costs_a_forward_and_about_two_for_its_backward(name):
    """The unit itself: twice the forward pass, but for the gradient of the network's inputs."""
    assert 1.9 * step(name).forward < step(name).backward < 2 * step(name).forward


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "probe",
    [PaperLine(EVERY, [0.5]), FixedLine(EVERY, [0.1, 0.2, 0.4]), RandomLine(EVERY, [0.1, 0.2], 0)],
    ids=lambda probe: probe.id,
)
def test_a_line_costs_a_forward_and_a_backward_pass_for_each_step_size(name, probe):
    assert step(name).excess(probe) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "probe",
    [Update(EVERY), StepSize(EVERY), StepSize(EVERY, [1.0]), NoiseScale(EVERY), NormHealth(EVERY)],
    ids=lambda probe: probe.id,
)
def test_what_is_read_of_any_training_is_declared_exactly(name, probe):
    assert step(name).excess(probe) == 1


def test_the_gradient_costs_nothing_more():
    probe, made = Gradient(EVERY), step("dln")

    assert operations_in(lambda: probe.read(made.view)) == 0
    assert probe.cost(made.work).in_steps(made.work) == 0


def test_the_health_of_norms_is_declared_with_norms_that_follow_batches():
    """How many there are is not known before it runs; without any it is one pass of three."""
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 4))

    assert Counted(model, torch.randn(SAMPLES, 4)).excess(NormHealth(EVERY)) == 3


@pytest.mark.parametrize("name", NAMES)
def test_covariate_shift_keeps_to_its_declaration(name):
    probe = CovariateShift(EVERY)

    assert step(name).excess(probe) == 1


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("dln", 0),
        ("vgg-small", 1),
        *(
            pytest.param(name, units, marks=pytest.mark.slow)
            for name in NETWORKS
            for units in (1, 4)
        ),
    ],
)
def test_theory_keeps_to_its_declaration(name, units):
    assert 1 <= step(name).excess(Theory(EVERY, units)) <= MOST


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fixed", [2, 12])
def test_distribution_costs_two_passes_over_its_own_inputs(name, fixed):
    """However many they are: the declaration is in batches of the step."""
    layer = step(name).layers[0].name
    inputs = torch.cat([step(name).inputs] * 3)[:fixed]

    probe = Distribution(EVERY, [Watched(layer, layer)], inputs, bins=3, seed=0)

    assert step(name).excess(probe) == 1


def test_the_nearest_optimum_costs_one_pass_and_products_of_the_weights():
    excess = step("dln").excess(NearestOptimum(torch.eye(10)))

    assert 1 <= excess <= 1.05


def test_covariate_shift_declares_enough_for_any_network():
    """Even where all the arithmetic is in the last layer, to which every pass must go down."""
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(9)), nn.Linear(4, 4000))

    assert Counted(model, torch.randn(SAMPLES, 4)).excess(CovariateShift(EVERY)) == 1


class Attends(nn.Module):
    """Attention by hand, whose products have no weights and pass on two gradients each."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.queries, self.keys, self.values = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, inputs):
        lifted = self.lift(inputs)
        weights = (self.queries(lifted) @ self.keys(lifted).mT).softmax(-1)
        return self.head(weights @ self.values(lifted))


def encoder():
    """Torch's own, with fused attention: its backward pass computes a product once more."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0, batch_first=True)
    return nn.Sequential(nn.Linear(6, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, 3))


def test_covariate_shift_of_fused_attention_is_declared_exactly():
    many_words = torch.randn(SAMPLES, 30, 6)

    assert Counted(encoder(), many_words).excess(CovariateShift(EVERY)) == 1


def test_covariate_shift_of_layers_side_by_side_is_declared_exactly():
    """The gradient of the values' weights does not pass through the queries."""
    many_words = torch.randn(SAMPLES, 30, 6)

    assert Counted(Attends(), many_words).excess(CovariateShift(EVERY)) == 1
