"""Autocast as it stood, replayed: whatever block is open around it, and without a word to it."""

import gc
import warnings

import pytest
import torch
from tests.measures.networks import classes, gaussian
from torch import nn
from torch.nn import functional

import landscope
from landscope.objective.autocast import Autocast
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    ),
]
every_device = pytest.mark.parametrize("device", DEVICES)
every_type = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)


def state(device="cpu"):
    """All that a block of autocast sets, its depth included."""
    depth = torch.autocast_increment_nesting() - 1
    torch.autocast_decrement_nesting()
    return (
        torch.is_autocast_enabled(device),
        torch.get_autocast_dtype(device),
        torch.is_autocast_cache_enabled(),
        depth,
    )


def captured(device, **options):
    with torch.autocast(device, **options):
        return Autocast.capture([torch.device(device)])


def batch(device="cpu"):
    return gaussian(16, 37).float().to(device), classes(16).to(device)


def plain_step(model, inputs, targets, dtype, loss_fn=functional.cross_entropy):
    """The gradient of a training step as anybody writes it."""
    model.zero_grad()
    with torch.autocast(inputs.device.type, dtype=dtype):
        loss = loss_fn(model(inputs), targets)
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@every_device
@every_type
def test_what_is_replayed_is_what_was_captured(device, dtype):
    moment = captured(device, dtype=dtype, cache_enabled=False)
    outside = state(device)

    with moment.replayed():
        assert Autocast.capture([torch.device(device)]) == moment
        assert state(device)[:3] == (True, dtype, False)
    assert state(device) == outside


def test_moments_compare_by_what_they_do():
    first, second = (captured("cpu", dtype=torch.bfloat16) for _ in range(2))
    others = [
        captured("cpu", dtype=torch.float16),
        captured("cpu", dtype=torch.bfloat16, cache_enabled=False),
        captured("cpu", dtype=torch.bfloat16, enabled=False),
    ]

    assert first == second
    assert hash(first) == hash(second)
    assert first not in others
    assert first.off() == others[-1]


@every_device
@every_type
def test_what_was_not_there_is_switched_off(device, dtype):
    moment = Autocast.capture([torch.device(device)])

    with torch.autocast(device, dtype=dtype):
        inside = state(device)
        with moment.replayed():
            assert not torch.is_autocast_enabled(device)
        assert state(device) == inside


@every_device
@every_type
def test_every_block_is_left_and_entered_again(device, dtype):
    moment = captured(device, dtype=dtype)

    with (
        torch.autocast(device, dtype=dtype),
        torch.autocast(device, enabled=False),
        torch.autocast(device, dtype=dtype, cache_enabled=False),
    ):
        inside = state(device)
        with moment.left():
            assert (state(device)[0], state(device)[3]) == (False, 0)
        assert state(device) == inside
        with pytest.raises(KeyError, match="midway"), moment.left():
            raise KeyError("midway")
        assert state(device) == inside
    assert state(device)[3] == 0


def test_leaving_where_there_is_no_block_changes_nothing():
    before = state()
    with captured("cpu", dtype=torch.bfloat16).left():
        assert state() == before
    assert state() == before


@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps", "xpu", "meta"])
def test_a_moment_is_captured_and_replayed_whatever_device_there_is(kind):
    """Torch knows no autocast for some, such as that of buffers without content."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moment = Autocast.capture([torch.device(kind)])
        with moment.left(), moment.replayed():
            assert moment.dtypes == ()


class Island(nn.Module):
    """Its end is computed in full precision, forward and backward."""

    def __init__(self):
        super().__init__()
        self.start, self.end = nn.Linear(37, 41), nn.Linear(41, 3)

    def forward(self, x):
        hidden = torch.tanh(self.start(x))
        with torch.autocast(x.device.type, enabled=False):
            return self.end(hidden.float())


class Projected(nn.Module):
    """A loss with weights of its own, as metric learning has."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(3, 3)

    def forward(self, outputs, targets):
        return functional.cross_entropy(self.project(outputs), targets)


@every_device
@every_type
def test_a_backward_pass_is_taken_outside_the_block_even_where_it_is_asked_for_inside(
    device, dtype
):
    """Autocast would cast the products of a backward pass, those of an island too."""
    model, (inputs, targets) = Island().to(device), batch(device)
    with torch.autocast(device, dtype=dtype):
        objective = Objective.now(model, functional.cross_entropy, inputs, targets)
        _, _, found = objective.gradient(trainable(model))

    assert same(found, plain_step(model, inputs, targets, dtype))


@every_device
def test_a_cast_of_weights_that_have_changed_since_is_not_read(device):
    """Torch keeps a cast until the outermost block ends, whatever becomes of the weight."""
    model, loss_fn, (inputs, targets) = Island().to(device), Projected().to(device), batch(device)

    def start_loss():
        return landscope.line(model, loss_fn, inputs, targets, etas=[0.1]).start_loss

    with torch.autocast(device, dtype=torch.bfloat16):
        before = start_loss()
        with torch.no_grad():
            loss_fn.project.weight.mul_(3)
        after = start_loss()
    with torch.autocast(device, dtype=torch.bfloat16):
        alone = start_loss()

    assert after == alone != before


def test_nor_where_a_point_itself_is_changed():
    model, (inputs, targets) = Island(), batch()
    point = {n: p.clone().requires_grad_() for n, p in trainable(model).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        objective = Objective.now(model, functional.cross_entropy, inputs, targets)
        before = objective.data_loss(point).item()
        with torch.no_grad():
            for tensor in point.values():
                tensor.mul_(3)
        after = objective.data_loss(point).item()

    assert after == objective.data_loss(point).item() != before


def test_no_copy_of_the_weights_outlives_its_pass_in_an_open_block():
    """A cast holds on to the point that it was made of: in a block, each step size would stay."""
    model, (inputs, targets) = Island(), batch()

    def copies():
        shape = model.start.weight.shape
        return sum(type(o) in (torch.Tensor, nn.Parameter) and o.shape == shape for o in live())

    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = copies()
        landscope.line(model, functional.cross_entropy, inputs, targets, etas=[0.1, 0.2, 0.3])
        assert copies() == before


def live():
    gc.collect()
    return gc.get_objects()


@every_type
def test_a_block_goes_on_as_if_nothing_had_been_measured_in_it(dtype):
    def step(measure):
        torch.manual_seed(3)
        model, (inputs, targets) = Island(), batch()
        with torch.autocast("cpu", dtype=dtype):
            if measure:
                landscope.line(model, functional.cross_entropy, inputs, targets, etas=[0.1])
            loss = functional.cross_entropy(model(inputs), targets)
            if measure:
                landscope.noise_floor(model, functional.cross_entropy, inputs, targets)
        loss.backward()
        return {name: p.grad for name, p in model.named_parameters()}

    assert same(step(measure=True), step(measure=False))


@pytest.mark.parametrize("scale", [2.0**16, 2.0**10, 1000.0])
def test_the_gradient_is_that_which_a_grad_scaler_leaves(scale):
    """Also for a scale that is no power of two, whose division rounds."""
    torch.manual_seed(3)
    model, (inputs, targets) = Island(), batch()
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.autocast("cpu", dtype=torch.float16):
        objective = Objective.now(
            model, functional.cross_entropy, inputs, targets, loss_scale=scaler.get_scale()
        )
        loss = functional.cross_entropy(model(inputs), targets)
    scaler.scale(loss).backward()
    scaler.unscale_(optimiser)

    total, data_loss, found = objective.gradient(trainable(model))

    assert same(found, {name: p.grad for name, p in model.named_parameters()})
    assert (total.item(), data_loss.item()) == (loss.item(), loss.item())
