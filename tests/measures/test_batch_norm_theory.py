"""Theorems 4.1 and 4.2 and rho, against dense Jacobians and Hessians, and as laws."""

import copy

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import build, gaussian
from tests.reference.batch_norm_theory import batch_norm_unit, both_sides
from tests.tolerances import EXACT64
from torch import nn
from torch.nn import functional

import landscope
from landscope.errors import UsageError

SEED = 23
SMOOTHEST = 1e-300  # PyTorch refuses eps = 0; this is lost in any variance

# In each of these networks the batch norms stand at these places of an nn.Sequential.
NETWORKS = {
    "mlp with batch norm": (1, 4),
    "convolutional": (1, 5),
    "noisy": (1,),
}


def measure(model, loss_fn, inputs, targets, units):
    torch.manual_seed(SEED)
    return landscope.batch_norm_theory(model, loss_fn, inputs, targets, units=units)


def by_hand(case, place, unit):
    """The reference at one unit of the batch norm at `place`: head, norm and tail of a copy."""
    model = copy.deepcopy(case.model)
    norm = model[place]

    def downstream(z):
        torch.manual_seed(SEED)
        return case.loss_fn(model[place + 1 :](z), case.targets)

    with torch.no_grad():
        y = model[:place](case.inputs)
    return batch_norm_unit(
        y,
        downstream,
        unit=unit,
        gamma=norm.weight.detach(),
        beta=norm.bias.detach(),
        eps=norm.eps,
    )


def assert_both_sides(theory, case, place):
    """All units for 4.1 and rho, the chosen ones for 4.2."""
    for unit, left, right, rho in zip(
        range(len(theory.lipschitz_left)),
        theory.lipschitz_left,
        theory.lipschitz_right,
        theory.removed_fraction,
        strict=True,
    ):
        expected = by_hand(case, place, unit)
        assert_exact(
            [left, right, rho],
            [expected.theorem_4_1_left, expected.theorem_4_1_right, expected.removed_fraction],
        )
    for unit, left, right in zip(
        theory.units, theory.curvature_left, theory.curvature_right, strict=True
    ):
        expected = by_hand(case, place, unit)
        assert_exact([left, right], [expected.theorem_4_2_left, expected.theorem_4_2_right])


@pytest.mark.parametrize("eps", [SMOOTHEST, 1e-5, 0.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_sides_are_those_of_dense_derivatives(name, eps):
    case = build(name)
    for place in NETWORKS[name]:
        case.model[place].eps = eps

    found = measure(case.model, case.loss_fn, case.inputs, case.targets, units=3)

    assert [theory.layer for theory in found] == [str(place) for place in NETWORKS[name]]
    for theory, place in zip(found, NETWORKS[name], strict=True):
        assert len(set(theory.units)) == 3
        assert_both_sides(theory, case, place)


@pytest.mark.parametrize("name", ["mlp with batch norm", "convolutional", "residual", "noisy"])
def test_both_theorems_are_equalities(name):
    case = build(name)

    found = measure(case.model, case.loss_fn, case.inputs, case.targets, units=99)

    for theory in found:
        assert theory.units == tuple(range(len(theory.lipschitz_left)))
        assert_exact(theory.lipschitz_left, theory.lipschitz_right)
        assert_exact(theory.curvature_left, theory.curvature_right)
        assert all(0 <= rho <= 1 for rho in theory.removed_fraction)


def test_without_eps_the_right_sides_are_the_papers():
    case = build("convolutional")
    for place in (1, 5):
        case.model[place].eps = SMOOTHEST

    theory = measure(case.model, case.loss_fn, case.inputs, case.targets, units=5)[1]

    expected = [by_hand(case, 5, unit) for unit in range(5)]
    assert_exact(theory.lipschitz_right, [unit.theorem_4_1_paper for unit in expected])
    assert_exact(theory.curvature_right, [unit.theorem_4_2_paper for unit in expected])


@pytest.mark.parametrize("name", ["mlp with batch norm", "convolutional", "residual"])
def test_rho_can_be_read_from_the_gradients_of_scale_and_shift(name):
    """rho = [(dL/dbeta)^2 + (dL/dgamma)^2] / (m |dL/dz|^2), all by one .backward()."""
    case = build(name)
    found = measure(case.model, case.loss_fn, case.inputs, case.targets, units=0)
    model = copy.deepcopy(case.model)
    modules = dict(model.named_modules())
    outputs = {}

    def keep(name):
        def hook(module, args, output):
            output.retain_grad()
            outputs[name] = output
            # An addition, so that the ReLU behind works on a tensor of its own.
            return output + 0

        return hook

    for theory in found:
        modules[theory.layer].register_forward_hook(keep(theory.layer))
    case.loss_fn(model(case.inputs), case.targets).backward()

    assert len(found) > 1
    for theory in found:
        norm = modules[theory.layer]
        dz = outputs[theory.layer].grad.transpose(0, 1).flatten(1)
        scale_and_shift = norm.weight.grad**2 + norm.bias.grad**2
        rho = scale_and_shift / (dz.shape[1] * (dz**2).sum(1))
        assert_exact(theory.removed_fraction, rho.tolist())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eps", [0.0, 1e-5, 0.5])
def test_the_reference_itself_is_an_equality_and_the_papers_without_eps(seed, eps):
    matrix = gaussian(5, 12, seed=seed)
    slope = gaussian(12, seed=seed + 100)

    def f(z):
        return (torch.tanh(matrix @ z) ** 2).sum() + (slope * z.sin()).sum()

    unit = both_sides(f, 0.3 * gaussian(12, seed=seed + 200), 1.3, -0.2, eps)

    assert_exact([unit.theorem_4_1_left], [unit.theorem_4_1_right])
    assert_exact([unit.theorem_4_2_left], [unit.theorem_4_2_right])
    if eps == 0:
        assert_exact([unit.theorem_4_1_right], [unit.theorem_4_1_paper])
        assert_exact([unit.theorem_4_2_right], [unit.theorem_4_2_paper])
    else:
        assert unit.theorem_4_1_paper > unit.theorem_4_1_right


def test_a_loss_that_is_linear_downstream_has_only_the_curvature_of_the_norm():
    """Then H = 0, and without eps Theorem 4.2 leaves -(gamma/(m s^2)) <g, n> |u|^2."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, eps=SMOOTHEST)).double()
    slope = gaussian(10, 3, seed=8)
    inputs = gaussian(10, 4)

    theory = landscope.batch_norm_theory(
        model, lambda outputs, _: (slope * outputs).sum(), inputs, inputs, units=3
    )[0]

    with torch.no_grad():
        y = model[0](inputs).numpy()
    for j in range(3):
        whitened = (y[:, j] - y[:, j].mean()) / y[:, j].std()
        expected = -(slope[:, j].numpy() @ whitened) / (10 * y[:, j].var())
        expected *= theory.lipschitz_left[j]
        assert_exact([theory.curvature_left[j], theory.curvature_right[j]], [expected] * 2)


def test_a_norm_without_scale_and_shift_has_the_scale_one():
    torch.manual_seed(4)
    bare = nn.Sequential(
        nn.Linear(5, 4), nn.BatchNorm1d(4, affine=False), nn.Tanh(), nn.Linear(4, 3)
    ).double()
    full = copy.deepcopy(bare)
    full[1] = nn.BatchNorm1d(4).double()
    inputs, targets = gaussian(9, 5), torch.arange(9) % 3
    batch = (functional.cross_entropy, inputs, targets)

    assert landscope.batch_norm_theory(bare, *batch) == landscope.batch_norm_theory(full, *batch)


def test_a_norm_on_the_data_itself():
    torch.manual_seed(5)
    model = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 3)).double()
    inputs, targets = gaussian(9, 5), torch.arange(9) % 3

    theory = landscope.batch_norm_theory(model, functional.cross_entropy, inputs, targets, units=5)[
        0
    ]

    assert_exact(theory.lipschitz_left, theory.lipschitz_right)
    assert_exact(theory.curvature_left, theory.curvature_right)


def test_frozen_running_statistics_are_no_batch_norm():
    """A norm in evaluation mode is affine: only those in training mode are measured."""
    case = build("mlp with batch norm")
    case.model[1].eval()

    found = measure(case.model, case.loss_fn, case.inputs, case.targets, units=1)

    assert [theory.layer for theory in found] == ["4"]


def test_a_norm_without_running_statistics_is_measured_in_evaluation_mode_too():
    torch.manual_seed(6)
    model = nn.Sequential(
        nn.Linear(5, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Tanh(), nn.Linear(4, 3)
    ).double()
    batch = (functional.cross_entropy, gaussian(9, 5), torch.arange(9) % 3)
    trained = landscope.batch_norm_theory(model, *batch)

    assert landscope.batch_norm_theory(model.eval(), *batch) == trained


@pytest.mark.parametrize(
    ("name", "norms"),
    [
        ("mlp with batch norm", {"0": "1", "3": "4"}),
        ("convolutional", {"0": "1", "4": "5"}),
        (
            "residual",
            {"conv_a": "norm_a", "conv_b": "norm_b", "shortcut": "shortcut_norm"},
        ),
    ],
)
def test_batch_norm_is_blind_to_the_scale_of_every_row_of_its_weight(name, norms):
    """<w_row, dL/dw_row> = 0 for each unit, without eps; with it, the gradient is not radial."""
    case = build(name)
    modules = dict(case.model.named_modules())
    for norm in norms.values():
        modules[norm].eps = SMOOTHEST

    case.loss_fn(case.model(case.inputs), case.targets).backward()

    for layer in norms:
        weight = modules[layer].weight
        w, g = weight.detach().flatten(1).numpy(), weight.grad.flatten(1).numpy()
        radial = np.abs((w * g).sum(1)) / np.linalg.norm(w, axis=1) / np.linalg.norm(g)
        assert radial.max() <= EXACT64.rtol
        if modules[layer].bias is not None:
            assert modules[layer].bias.grad.abs().max() <= EXACT64.rtol * np.linalg.norm(g)


def test_without_a_batch_norm_in_training_mode_there_is_nothing_to_measure():
    case = build("mlp with batch norm")
    case.model.eval()

    with pytest.raises(
        UsageError,
        match=r"Sequential has no batch norm in training mode: the theorems are about the "
        r"statistics of a batch; call model\.train\(\), or measure a network with batch norm",
    ):
        measure(case.model, case.loss_fn, case.inputs, case.targets, units=1)


def test_a_negative_number_of_units():
    case = build("mlp with batch norm")

    with pytest.raises(
        UsageError, match=r"units = -1: a number of units is 0 or more; give units=2"
    ):
        measure(case.model, case.loss_fn, case.inputs, case.targets, units=-1)
