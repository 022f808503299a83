"""`covariate_shift` against Definition 2.1 done by hand, and against what must follow from it."""

import copy

import numpy as np
import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import BUILDERS, build
from tests.reference.covariate_shift import covariate_shift as reference
from tests.tolerances import EXACT64, FLOAT32
from torch import nn
from torch.nn import functional

import landscope

SEED = 21


def measure(case, after):
    torch.manual_seed(SEED)
    return landscope.covariate_shift(
        case.model, case.loss_fn, case.inputs, case.targets, after=after
    )


def numbers(shifts, quantity):
    return [getattr(shift, quantity) for shift in shifts]


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", BUILDERS)
def test_each_layer_is_what_definition_2_1_says(name, training):
    case = build(name)
    case.model.train(training)
    after = case.parameters_after_a_step()
    expected = reference(
        case.model,
        case.loss_fn,
        case.inputs,
        case.targets,
        layers=list(case.layers.values()),
        after=after,
        seed=SEED,
    )

    shifts = measure(case, after)

    assert [shift.layer for shift in shifts] == list(case.layers)
    for quantity in ("l2", "relative", "cosine", "gradient_norm"):
        assert_exact(numbers(shifts, quantity), numbers(expected, quantity))
    assert all(by_hand.relative > 1e-3 for by_hand in expected[1:])


@pytest.mark.parametrize("name", BUILDERS)
def test_the_first_layer_has_no_shift_at_all(name):
    case = build(name)

    first = measure(case, case.parameters_after_a_step())[0]

    assert first.l2 == 0.0
    assert first.relative == 0.0
    assert_exact([first.cosine], [1])


@pytest.mark.parametrize("name", BUILDERS)
def test_a_step_of_nothing_shifts_nothing(name):
    case = build(name)

    shifts = measure(case, {n: p.detach().clone() for n, p in case.model.named_parameters()})

    for shift in shifts:
        assert shift.relative <= EXACT64.rtol


def test_a_layer_does_not_see_its_own_step_nor_those_behind_it():
    case = build("convolutional")
    after = case.parameters_after_a_step()
    still = {n: p.detach().clone() for n, p in case.model.named_parameters()}
    for name in ("0", "1"):
        for kind in ("weight", "bias"):
            still[f"{name}.{kind}"] = after[f"{name}.{kind}"]

    all_moved = measure(case, after)
    first_moved = measure(case, still)

    assert first_moved[1] == all_moved[1]
    assert first_moved[2] != all_moved[2]


def test_two_linear_layers_have_the_shift_of_the_closed_form():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False)).double()
    x, y = torch.randn(10, 4).double(), torch.randn(10, 2).double()
    w1, w2 = (p.detach().numpy() for p in model.parameters())
    w1_after = w1 + 0.1 * np.random.default_rng(0).standard_normal(w1.shape)
    after = {"0.weight": torch.tensor(w1_after), "1.weight": torch.full((2, 3), 9.0).double()}

    def gradient_of_w2(first):
        hidden = x.numpy() @ first.T
        return (hidden @ w2.T - y.numpy()).T @ hidden

    shift = landscope.covariate_shift(
        model, lambda outputs, targets: 0.5 * ((outputs - targets) ** 2).sum(), x, y, after=after
    )[1]

    g, g_prime = gradient_of_w2(w1), gradient_of_w2(w1_after)
    assert_exact([shift.l2], [np.linalg.norm(g_prime - g)])
    assert_exact([shift.gradient_norm], [np.linalg.norm(g)])
    cosine = np.sum(g * g_prime) / np.linalg.norm(g) / np.linalg.norm(g_prime)
    assert_exact([shift.cosine], [cosine])


def test_a_real_step_of_the_optimiser_with_momentum():
    case = build("mlp with batch norm")
    optimiser = torch.optim.SGD(case.model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        before = {n: t.clone() for n, t in case.model.state_dict().items()}
        optimiser.zero_grad()
        case.loss_fn(case.model(case.inputs), case.targets).backward()
        optimiser.step()
    after = {n: p.detach().clone() for n, p in case.model.named_parameters()}
    case.model.load_state_dict(before)
    expected = reference(
        case.model,
        case.loss_fn,
        case.inputs,
        case.targets,
        layers=list(case.layers.values()),
        after=after,
        seed=SEED,
    )

    shifts = measure(case, after)

    assert_exact(numbers(shifts, "l2"), numbers(expected, "l2"))


def test_a_frozen_layer_is_no_layer():
    case = build("plain mlp")
    case.model[0].requires_grad_(requires_grad=False)
    after = {n: t for n, t in case.parameters_after_a_step().items() if not n.startswith("0.")}
    expected = reference(
        case.model,
        case.loss_fn,
        case.inputs,
        case.targets,
        layers=[case.layers["2"], case.layers["4"]],
        after=after,
        seed=SEED,
    )

    shifts = measure(case, after)

    assert [shift.layer for shift in shifts] == ["2", "4"]
    assert shifts[0].l2 == 0.0
    assert_exact([shifts[1].l2], [expected[1].l2])


def test_the_norm_before_the_first_weight_is_a_layer_of_its_own():
    torch.manual_seed(0)
    model = nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).double()
    x, y = torch.randn(8, 5).double(), torch.randint(0, 3, (8,))
    after = {n: p.detach() + 0.1 for n, p in model.named_parameters()}
    layers = [["0.weight", "0.bias"], ["1.weight", "1.bias"], ["3.weight", "3.bias"]]
    expected = reference(
        model, functional.cross_entropy, x, y, layers=layers, after=after, seed=SEED
    )

    shifts = landscope.covariate_shift(model, functional.cross_entropy, x, y, after=after)

    assert [shift.layer for shift in shifts] == ["0", "1", "3"]
    assert_exact(numbers(shifts, "l2"), numbers(expected, "l2"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda weight: weight.shape[0],
        lambda weight: weight.size(0),
        lambda weight: weight.numel(),
        lambda weight: weight.device,
        lambda weight: weight.is_floating_point(),
    ],
    ids=["shape", "size", "numel", "device", "is_floating_point"],
)
def test_asking_about_a_weight_is_not_using_it(ask):
    """The order is that in which weights take part, not in which the code speaks of them."""

    class Asks(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 3)
            self.second = nn.Linear(3, 2)

        def forward(self, x):
            ask(self.second.weight)
            return self.second(torch.tanh(self.first(x)))

    model = Asks().double()
    x, y = torch.randn(6, 4).double(), torch.randn(6, 2).double()
    after = {n: p.detach() + 0.1 for n, p in model.named_parameters()}

    shifts = landscope.covariate_shift(model, functional.mse_loss, x, y, after=after)

    assert [shift.layer for shift in shifts] == ["first", "second"]
    assert shifts[0].l2 == 0.0
    assert shifts[1].l2 > 0


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
def test_a_norm_over_several_dimensions_still_belongs_to_the_weight_before_it(norm):
    """Its scale is a matrix, and yet no weight."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 2), norm((2, 3, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3)
    ).double()
    x, y = torch.randn(8, 1, 4, 4).double(), torch.randint(0, 3, (8,))
    after = {n: p.detach() + 0.1 for n, p in model.named_parameters()}
    layers = [[n for n in after if n[0] in "01"], ["4.weight", "4.bias"]]
    expected = reference(
        model, functional.cross_entropy, x, y, layers=layers, after=after, seed=SEED
    )

    shifts = landscope.covariate_shift(model, functional.cross_entropy, x, y, after=after)

    assert [shift.layer for shift in shifts] == ["0", "4"]
    assert_exact(numbers(shifts, "l2"), numbers(expected, "l2"))
    assert_exact(numbers(shifts, "gradient_norm"), numbers(expected, "gradient_norm"))


def test_a_gradient_that_vanishes_has_no_direction():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).double()
    with torch.no_grad():
        model[1].weight.zero_()
    x = torch.ones(4, 3).double()
    after = {n: p.detach() + 0.1 for n, p in model.named_parameters()}

    first, second = landscope.covariate_shift(
        model, lambda outputs, _: outputs.sum(), x, x, after=after
    )

    assert first.gradient_norm == 0.0
    assert np.isnan(first.relative)
    assert np.isnan(first.cosine)
    assert second.gradient_norm > 0


def test_a_float32_model_reads_as_the_same_model_in_float64_does():
    case = build("convolutional")
    case.model.float()
    case.inputs = case.inputs.float()
    after = {name: tensor.float() for name, tensor in case.parameters_after_a_step().items()}
    expected = reference(
        copy.deepcopy(case.model).double(),
        case.loss_fn,
        case.inputs.double(),
        case.targets,
        layers=list(case.layers.values()),
        after=after,
        seed=SEED,
    )

    shifts = measure(case, after)

    for shift, by_hand in zip(shifts, expected, strict=True):
        # A difference of two gradients is as exact as the gradients are, not as it is small.
        FLOAT32.check([shift.l2, shift.gradient_norm], [by_hand.l2, by_hand.gradient_norm])
