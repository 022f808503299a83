"""`norm_health` against copies of the network that are looked into, and against known ailments."""

import copy
import math

import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import BUILDERS, build, classes, gaussian
from tests.measures.traces import trace
from tests.reference import norm_health as reference
from tests.reference.gradient import loss_and_gradient
from tests.tolerances import EXACT64
from torch import nn
from torch.nn import functional

from landscope.errors import UsageError
from landscope.measures.norm_health import NormHealth, health_at, norm_health
from landscope.norms.table import build as norm_of
from landscope.objective.norm_mode import in_norm_mode
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable

SEED = 14


def lived_in(model, inputs):
    """Running statistics that are neither the first ones nor those of the batch."""
    model(inputs * 1.5 + 0.3)


@pytest.mark.parametrize("name", BUILDERS)
def test_against_a_copy_that_is_looked_into(name):
    case = build(name)
    lived_in(case.model, case.inputs)
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    names = reference.batch_norms(case.model)
    seen = reference.inputs_of_modules(case.model, case.inputs, names, SEED)

    torch.manual_seed(SEED)
    before = trace(case.model, case.inputs, case.targets)
    found = norm_health(*batch)

    assert trace(case.model, case.inputs, case.targets) == before
    assert {gap.layer for gap in found.gaps} == set(names)
    for gap in found.gaps:
        module = case.model.get_submodule(gap.layer)
        expected = reference.batch_norm_gaps(module, *seen[gap.layer])
        assert_exact([gap.mean_gap, gap.variance_gap], expected)
    evaluation = reference.evaluation_loss(*batch)
    training = loss_and_gradient(*batch, SEED)[0]
    assert_exact([found.training_loss, found.evaluation_loss], [training, evaluation])
    assert_exact([found.evaluation_gap + 1], [evaluation / training])


@pytest.mark.parametrize("odd", [False, True], ids=["even", "odd"])
@pytest.mark.parametrize("name", ["mlp with batch norm", "convolutional", "residual", "noisy"])
def test_the_loss_of_the_halves_against_copies(name, odd):
    case = build(name)
    samples = len(case.inputs) - odd
    batch = (case.model, case.loss_fn, case.inputs[:samples], case.targets[:samples])
    expected = reference.half_batch_loss(*batch, SEED)

    torch.manual_seed(SEED)
    found = norm_health(*batch)

    assert_exact([found.half_batch_loss], [expected])
    assert_exact([found.half_batch_gap + 1], [expected / found.training_loss])


INPUTS, TARGETS = gaussian(12, 4), classes(12)


def network(*norm):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(4, 6), *norm, nn.Tanh(), nn.Linear(6, 3)).double()


def health(model, inputs=INPUTS, targets=TARGETS):
    return norm_health(model, functional.cross_entropy, inputs, targets)


@pytest.mark.parametrize(("name", "p"), [("l1", 1), ("l2", 2), ("linf", math.inf)])
def test_lp_norms_by_what_they_divide_by(name, p):
    model = network(norm_of(name, 6, 0))
    lived_in(model, INPUTS)
    ((values,),) = reference.inputs_of_modules(model, INPUTS, ["1"], SEED).values()

    (gap,) = health(model).gaps

    assert_exact([gap.mean_gap, gap.variance_gap], reference.lp_norm_gaps(model[1], values, p))


def test_an_instance_norm_with_running_statistics():
    """They follow the mean over samples of each sample's own."""
    torch.manual_seed(6)
    norm = nn.InstanceNorm1d(3, track_running_stats=True).double()
    model = nn.Sequential(norm, nn.Flatten(), nn.Linear(15, 3)).double()
    inputs = gaussian(12, 3, 5)
    lived_in(model, inputs)

    (gap,) = health(model, inputs).gaps

    mean, variance = inputs.mean((0, 2)), inputs.var(2, unbiased=False).mean(0)
    expected = reference.gaps(
        (norm.running_mean - mean).numpy(),
        (norm.running_var + norm.eps).sqrt().numpy(),
        (variance + norm.eps).sqrt().numpy(),
    )
    assert_exact([gap.mean_gap, gap.variance_gap], expected)


def test_an_instance_norm_of_one_sample_without_a_batch():
    torch.manual_seed(6)
    norm = nn.InstanceNorm1d(3, affine=True, track_running_stats=True).double()
    model = nn.Sequential(norm, nn.Linear(5, 3)).double()
    inputs = gaussian(3, 5)

    (gap,) = health(model, inputs, classes(3)).gaps

    variance = inputs.var(1, unbiased=False)
    expected = reference.gaps(
        -inputs.mean(1).numpy(),
        torch.ones(3).double().add(norm.eps).sqrt().numpy(),
        (variance + norm.eps).sqrt().numpy(),
    )
    assert_exact([gap.mean_gap, gap.variance_gap], expected)


def test_running_statistics_that_follow_have_no_gap():
    model = network(nn.BatchNorm1d(6, momentum=1.0))
    model(INPUTS)
    found = health(model)
    (gap,) = found.gaps

    assert gap.mean_gap <= EXACT64.rtol
    # They follow the unbiased variance; the norm divides by the biased one.
    assert gap.variance_gap == pytest.approx(math.log(12 / 11), rel=1e-3)


def test_a_shift_of_the_inputs_is_a_mean_gap_of_as_many_deviations():
    """Of a mean that is two standard deviations off, whatever the scale of the features."""
    model = nn.Sequential(nn.BatchNorm1d(4, eps=1e-300), nn.Linear(4, 3)).double()
    deviation = INPUTS.std(0, unbiased=False)
    model[0].running_mean.copy_(INPUTS.mean(0) - 2 * deviation)
    model[0].running_var.copy_(deviation.square() * math.e)

    (gap,) = health(model).gaps

    assert_exact([gap.mean_gap, gap.variance_gap], [2.0, 1.0])


def test_a_feature_that_is_constant_in_the_batch_is_held_to_eps():
    """As the norm itself does; so the gap is large and finite."""
    model = nn.Sequential(nn.BatchNorm1d(4, eps=0.01), nn.Linear(4, 3)).double()
    inputs = torch.zeros(12, 4).double()

    (gap,) = health(model, inputs).gaps

    assert_exact([gap.mean_gap], [0.0])
    assert_exact([gap.variance_gap], [math.log(1.01 / 0.01)])


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(6)

    def forward(self, inputs):
        return self.norm(self.norm(inputs) ** 2)


def test_a_norm_that_is_used_twice_has_no_one_gap():
    (gap,) = health(network(Twice())).gaps

    assert gap.uses == 2
    assert math.isnan(gap.mean_gap)
    assert math.isnan(gap.variance_gap)


def test_a_norm_that_is_not_used_or_is_in_evaluation_mode_has_none():
    model = network(nn.BatchNorm1d(6).eval())
    model[0].spare = nn.BatchNorm1d(6).double()

    found = health(model)

    assert found.gaps == ()
    assert math.isnan(found.half_batch_loss)
    assert found.no_halves == ""
    assert found.evaluation_gap == 0.0


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm1d(6),
        nn.LayerNorm(6),
        nn.GroupNorm(2, 6),
        nn.RMSNorm(6),
        *(norm_of(name, 6, 0) for name in ("l1", "l2", "linf", "layer", "group", "rms")),
        norm_of("noisy-batch", 6, 0),
    ],
    ids=lambda norm: type(norm).__name__,
)
def test_scales_that_are_next_to_nothing_are_dead(norm):
    model = network(norm)
    scales = dict(norm.named_parameters()).get("weight", getattr(norm, "norm", norm).weight)
    with torch.no_grad():
        scales.copy_(torch.tensor([2.0, -1.9e-3, 2.1e-3, 0.0, -1.0, 1e-9]))

    assert health(model).dead_scales == pytest.approx({f"1{part_of(norm)}": 3 / 6})


def part_of(norm):
    return ".norm" if hasattr(norm, "norm") else ""


@pytest.mark.parametrize(
    ("scale", "dead"), [(0.0, 1.0), (1e-12, 0.0), (math.nan, math.nan), (math.inf, math.nan)]
)
def test_scales_that_are_all_alike(scale, dead):
    """Small alike is not dead, as the next norm makes it up; nothing at all is."""
    model = network(nn.BatchNorm1d(6), nn.LayerNorm(6))
    nn.init.constant_(model[1].weight, scale)

    objective = Objective.now(model, functional.cross_entropy, INPUTS, TARGETS)
    found = health_at(objective, trainable(model), torch.ones(()).double())

    assert repr(found.dead_scales) == repr({"1": dead, "2": 0.0})


def test_the_scales_at_a_point_are_its_own():
    model = network(nn.BatchNorm1d(6))
    point = {**trainable(model), "1.weight": torch.tensor([1.0, 0, 0, 1, 1, 1]).double()}
    objective = Objective.now(model, functional.cross_entropy, INPUTS, TARGETS)

    found = health_at(objective, point, objective.loss(point))

    assert_exact([found.dead_scales["1"]], [1 / 3])


def test_what_looks_like_scales_and_is_none_is_left_out():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(6))

        def forward(self, inputs):
            return inputs * (1 + self.weight)

    model = network(nn.PReLU(6), Gate(), nn.LayerNorm(6, elementwise_affine=False))

    assert health(model).dead_scales == {}


def test_the_steps_own_function_is_looked_at_in_any_norm_mode():
    model = network(nn.BatchNorm1d(6), nn.Dropout(0.3))
    lived_in(model, INPUTS)
    expected = health(model)
    objective = Objective.now(model, functional.cross_entropy, INPUTS, TARGETS)
    point = trainable(model)

    for mode in ("frozen", "running"):
        changed = in_norm_mode(objective, mode, point)
        assert health_at(changed, point, changed.loss(point)) == expected


@pytest.mark.parametrize("loss", [2.0, -2.0])
def test_a_gap_is_up_where_the_loss_is_higher_whatever_its_sign(loss):
    found = NormHealth((), {}, loss, loss + 1, loss - 1)

    assert (found.evaluation_gap, found.half_batch_gap) == (0.5, -0.5)


def test_a_loss_of_nothing_has_no_gap():
    assert math.isnan(NormHealth((), {}, 0.0, 1.0, 1.0).evaluation_gap)


@pytest.mark.parametrize(
    ("inputs", "reduction", "reason"),
    [
        (INPUTS, "sum", "the loss is a sum over samples: of half a batch it is half"),
        (INPUTS[:3], "mean", "the batch's halves: Expected more than 1 value per channel"),
    ],
)
def test_why_there_is_no_loss_of_the_halves(inputs, reduction, reason):
    model = network(nn.BatchNorm1d(6))

    def loss_fn(outputs, targets):
        return functional.cross_entropy(outputs, targets, reduction=reduction)

    found = norm_health(model, loss_fn, inputs, TARGETS[: len(inputs)])

    assert math.isnan(found.half_batch_loss)
    assert math.isnan(found.half_batch_gap)
    assert found.no_halves.startswith(reason)
    assert len(found.gaps) == 1


def test_a_batch_of_an_unknown_kind_has_no_halves_and_all_else():
    class Batch:
        def __init__(self):
            self.rows, self.labels = INPUTS, TARGETS

    model = network(nn.BatchNorm1d(6))
    found = norm_health(
        model, lambda model, b: functional.cross_entropy(model(b.rows), b.labels), Batch()
    )

    assert found.no_halves.startswith("the batch's halves: the batch has a Batch")
    assert found.evaluation_loss == health(model).evaluation_loss


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(UsageError, match="the loss is nan at the model's parameters"):
        health(network(nn.BatchNorm1d(6)), INPUTS * math.nan)


def test_it_does_not_matter_that_gradients_are_off():
    model = network(nn.BatchNorm1d(6))
    expected = health(copy.deepcopy(model))

    with torch.no_grad():
        assert health(model) == expected
