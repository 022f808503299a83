"""Under autocast all is measured as the training step computed it, and its floor is known."""

import copy
import math

import pytest
import torch
from tests.measures.networks import classes, gaussian
from tests.measures.traces import trace
from tests.reference.gradient import flat
from torch import nn
from torch.nn import functional

import landscope
from landscope.errors import UsageError
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable

SCALE = 1024.0
TYPES = {"bfloat16": (torch.bfloat16, 1.0), "float16": (torch.float16, SCALE)}
every_type = pytest.mark.parametrize("dtype", TYPES)


class Attention(nn.Module):
    """An encoder layer, with an island that is computed in full precision."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        hidden = self.encoder(x.unflatten(1, (3, 8)))
        with torch.autocast("cpu", enabled=False):
            hidden = hidden.float().square().mean(1)
        return self.head(hidden)


class Tied(nn.Module):
    """One weight in two places: under autocast both take the same cast."""

    def __init__(self):
        super().__init__()
        self.first, self.middle = nn.Linear(24, 24), nn.Linear(24, 24)

    def forward(self, x):
        hidden = torch.tanh(self.middle(torch.tanh(self.first(x))))
        return (hidden @ self.first.weight)[:, :3]


def convolutional():
    return nn.Sequential(
        nn.Unflatten(1, (6, 2, 2)),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 3),
    )


NETWORKS = {"convolutional": convolutional, "attention": Attention, "tied": Tied}
BEFORE_NORM = {
    "convolutional": {"2": "1", "5": "4"},
    "attention": {
        "encoder.norm1": "encoder.self_attn.out_proj",
        "encoder.norm2": "encoder.linear2",
    },
    "tied": {},
}
every_network = pytest.mark.parametrize("network", NETWORKS)


def made(network):
    torch.manual_seed(0)
    return NETWORKS[network](), gaussian(16, 24).float(), classes(16)


def moved(model, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: p.detach() + 0.05 * torch.randn(p.shape, generator=generator)
        for name, p in model.named_parameters()
    }


def step_by_hand(network, dtype, after=None, layers=()):
    """The gradient of a plain training step, some layers at their places after it."""
    model, inputs, targets = made(network)
    kind, scale = TYPES[dtype]
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in layers:
                p.copy_(after[name])
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=kind):
        loss = functional.cross_entropy(model(inputs), targets)
    (loss * scale).backward()
    return {name: p.grad / scale for name, p in model.named_parameters()}


def measured(network, dtype, measure, **options):
    model, inputs, targets = made(network)
    kind, scale = TYPES[dtype]
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=kind):
        return measure(
            model, functional.cross_entropy, inputs, targets, loss_scale=scale, **options
        )


@every_type
@every_network
def test_the_gradient_is_that_of_the_step_to_the_bit_wherever_it_is_taken(network, dtype):
    model, inputs, targets = made(network)
    kind, scale = TYPES[dtype]
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=kind):
        objective = Objective.now(
            model, functional.cross_entropy, inputs, targets, loss_scale=scale
        )
        _, _, inside = objective.gradient(trainable(model))
    _, _, outside = objective.gradient(trainable(model))
    with torch.autocast("cpu", dtype=torch.float16 if dtype == "bfloat16" else torch.bfloat16):
        _, _, under_another = objective.gradient(trainable(model))

    for name, expected in step_by_hand(network, dtype).items():
        for found in (inside, outside, under_another):
            assert torch.equal(found[name], expected)


@every_type
@every_network
def test_each_layers_shift_is_the_difference_of_two_such_steps(network, dtype):
    after = moved(made(network)[0])

    shifts = measured(network, dtype, landscope.covariate_shift, after=after)

    names = [name for name, _ in made(network)[0].named_parameters()]
    still, earlier = step_by_hand(network, dtype), []
    for shift in shifts:
        own = [n for n in names if _belongs(n, shift.layer, network)]
        there = step_by_hand(network, dtype, after, earlier)
        there, here = (
            {n: t.double().numpy().ravel() for n, t in g.items()} for g in (there, still)
        )
        difference = flat(there, own) - flat(here, own)
        assert shift.l2 == pytest.approx(math.sqrt(difference @ difference), rel=1e-12)
        earlier += own


def _belongs(name, layer, network):
    owner = name.rpartition(".")[0]
    norms = {
        "convolutional": {"2": "1", "5": "4"},
        "attention": {
            "encoder.norm1": "encoder.self_attn.out_proj",
            "encoder.norm2": "encoder.linear2",
        },
        "tied": {},
    }
    return norms[network].get(owner, owner) == layer


def test_autocast_that_was_not_there_at_the_step_is_not_there_when_it_is_measured():
    model, inputs, targets = made("convolutional")
    objective = Objective.now(model, functional.cross_entropy, inputs, targets)
    _, _, expected = objective.gradient(trainable(model))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, _, found = objective.gradient(trainable(model))

    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_two_points_do_not_share_a_cast():
    """Autocast keeps the casts of weights for the rest of a block, by where they lie."""
    model, inputs, targets = made("tied")
    points = [moved(model, seed) for seed in range(8)]

    def losses(together):
        found = []
        with torch.autocast("cpu", dtype=torch.bfloat16):
            objective = Objective.now(model, functional.cross_entropy, inputs, targets)
            if together:
                found = [objective.gradient(point)[0].item() for point in points]
        return found or [objective.gradient(point)[0].item() for point in points]

    assert losses(together=True) == losses(together=False)
    assert len(set(losses(together=True))) == len(points)


@every_type
@every_network
def test_no_trace(network, dtype):
    model, inputs, targets = made(network)
    before = trace(model, inputs, targets)
    torch.manual_seed(1)
    streams = torch.get_rng_state()
    after = moved(model)
    with torch.autocast("cpu", dtype=TYPES[dtype][0]):
        batch = (model, functional.cross_entropy, inputs, targets)
        landscope.covariate_shift(*batch, after=after)
        landscope.line(*batch, etas=[0.1])
        landscope.noise_floor(*batch)
        assert torch.is_autocast_enabled("cpu")
        assert torch.get_autocast_dtype("cpu") == TYPES[dtype][0]

    assert torch.equal(torch.get_rng_state(), streams)
    left = trace(model, inputs, targets)
    assert {k: v for k, v in left.items() if k != "torch random state"} == {
        k: v for k, v in before.items() if k != "torch random state"
    }


@every_network
def test_the_floor_is_what_the_type_rounds_away(network):
    """A gradient's relative error is some multiple of the type's eps, and shrinks with it."""
    coarse, fine = (measured(network, dtype, landscope.noise_floor) for dtype in TYPES)

    for floor, dtype in ((coarse, torch.bfloat16), (fine, torch.float16)):
        eps = torch.finfo(dtype).eps
        assert eps / 10 < floor.rounding / floor.gradient_norm < 20 * eps
        assert floor.repeat == 0  # a CPU adds up in the same order each time
    assert fine.rounding < coarse.rounding / 3


@every_network
def test_the_rounding_is_the_distance_to_the_gradient_in_full(network):
    floor = measured(network, "bfloat16", landscope.noise_floor)

    model, inputs, targets = made(network)
    torch.manual_seed(1)
    functional.cross_entropy(model(inputs), targets).backward()
    full = {n: p.grad for n, p in model.named_parameters()}
    step = step_by_hand(network, "bfloat16")
    squares = sum((step[n].double() - full[n]).square().sum().item() for n in full)
    assert floor.rounding == pytest.approx(math.sqrt(squares), rel=1e-12)
    norm = math.sqrt(sum(g.double().square().sum().item() for g in step.values()))
    assert floor.gradient_norm == pytest.approx(norm, rel=1e-12)
    assert math.hypot(*(layer.rounding for layer in floor.layers)) == floor.rounding


def test_without_autocast_nothing_is_rounded_and_no_pass_is_spent_on_it():
    model, inputs, targets = made("convolutional")
    calls = []

    def loss_fn(outputs, labels):
        calls.append(1)
        return functional.cross_entropy(outputs, labels)

    floor = landscope.noise_floor(model, loss_fn, inputs, targets)

    assert (floor.rounding, floor.repeat) == (0, 0)
    assert len(calls) == 3  # the gradient, the order of the layers, and the gradient again


def test_a_gradient_that_is_known_is_not_taken_again():
    model, inputs, targets = made("convolutional")
    functional.cross_entropy(copy.deepcopy(model)(inputs), targets)
    _, _, gradient = Objective.now(model, functional.cross_entropy, inputs, targets).gradient(
        trainable(model)
    )
    calls = []

    def loss_fn(outputs, labels):
        calls.append(1)
        return functional.cross_entropy(outputs, labels)

    floor = landscope.noise_floor(model, loss_fn, inputs, targets, gradient=gradient)

    assert floor.repeat == 0
    assert len(calls) == 2


def test_a_scale_keeps_small_gradients_from_vanishing():
    """In float16 what lies below 6e-8 is 0."""
    model, inputs, targets = made("tied")

    def faint(outputs, labels):
        return 1e-7 * functional.cross_entropy(outputs, labels)

    with torch.autocast("cpu", dtype=torch.float16):
        lost = landscope.noise_floor(model, faint, inputs, targets)
        kept = landscope.noise_floor(model, faint, inputs, targets, loss_scale=2.0**24)

    assert kept.rounding < 0.05 * kept.gradient_norm
    assert lost.gradient_norm < 0.5 * kept.gradient_norm


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(
    ("measure", "options"),
    [
        (landscope.covariate_shift, {"after": moved(Tied())}),
        (landscope.line, {"etas": [0.1]}),
        (landscope.noise_floor, {}),
    ],
)
def test_a_scale_that_is_none(scale, measure, options):
    model, inputs, targets = made("tied")

    with pytest.raises(UsageError, match=rf"^loss_scale = {scale}: .*; give scaler.get_scale"):
        measure(model, functional.cross_entropy, inputs, targets, loss_scale=scale, **options)
