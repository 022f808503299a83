"""Initial weights: Glorot's variance, the same for every norm, drawn from no global stream."""

import math

import pytest
import torch
from tests.tolerances import STOCHASTIC
from torch import nn

from landscope.errors import UsageError
from landscope.models.glorot import GlorotLayers, glorot_normal
from landscope.models.table import MODELS, build
from landscope.norms.table import NORMS

WITHOUT_SPACE = [name for name in NORMS if name != "instance"]
CASES = [
    *((model, norm) for model in ("dln", "mlp", "vgg-11") for norm in WITHOUT_SPACE),
    *(("vgg-small", norm) for norm in NORMS),
]


def weight_bearing(model: nn.Module) -> dict[str, bytes]:
    """The bytes of every parameter of the linear and the convolution layers."""
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    return {
        f"{name}.{own}": parameter.detach().numpy().tobytes()
        for name, layer in layers.items()
        for own, parameter in layer.named_parameters()
    }


@pytest.mark.parametrize(("model", "norm"), CASES)
def test_every_norm_starts_from_the_same_weights(model, norm) -> None:
    plain = weight_bearing(build(model, norm="none", seed=5))
    torch.rand(3)
    assert weight_bearing(build(model, norm=norm, seed=5)) == plain


def test_a_norm_that_bears_weights_does_not_shift_the_others() -> None:
    def learned(features: int, spatial: int) -> nn.Module:
        return nn.Linear(features, features)

    plain, own = weight_bearing(build("mlp")), weight_bearing(build("mlp", norm=learned))
    assert plain.items() <= own.items()
    assert own.keys() - plain.keys()


@pytest.mark.parametrize("model", [*MODELS, "dln-3", "mlp-2"])
def test_the_global_random_stream_is_not_touched(model) -> None:
    before = torch.get_rng_state()
    build(model, norm="batch", seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_and_layers_differ() -> None:
    first, second = weight_bearing(build("dln", seed=0)), weight_bearing(build("dln", seed=1))
    drawn = [*first.values(), *second.values()]
    assert len(set(drawn)) == len(drawn) == 50


def test_shared_layers_agree_between_depths() -> None:
    assert weight_bearing(build("dln-3")).items() <= weight_bearing(build("dln-5")).items()


@pytest.mark.parametrize(
    ("shape", "fans"), [((200, 300), 500), ((60, 100, 3, 3), 160 * 9), ((2500, 20), 2520)]
)
def test_weights_are_normal_with_glorots_variance(shape, fans) -> None:
    weights = glorot_normal(shape, seed=0, number=1)
    variance = 2 / fans
    draws = STOCHASTIC(n=math.prod(shape), sigmas=4)
    draws.check(weights, mean=0, variance=variance)
    draws.check(weights**2, mean=variance, variance=2 * variance**2)
    draws.check(weights**4, mean=3 * variance**2, variance=96 * variance**4)


@pytest.mark.parametrize("number", range(1, 6))
def test_weights_of_neighbouring_layers_and_seeds_are_independent(number) -> None:
    draws = STOCHASTIC(n=10_000, sigmas=4)
    weights = glorot_normal((100, 100), seed=0, number=number)
    for seed, other in ((0, number + 1), (1, number), (number, 0)):
        products = weights * glorot_normal((100, 100), seed=seed, number=other)
        draws.check(products, mean=0, variance=(2 / 200) ** 2)


def test_a_layer_holds_those_weights_and_no_bias() -> None:
    layers = GlorotLayers(seed=3)
    convolution, linear = layers.conv3x3(2, 5), layers.linear(4, 6)
    assert torch.equal(convolution.weight, glorot_normal((5, 2, 3, 3), 3, 1).float())
    assert torch.equal(linear.weight, glorot_normal((6, 4), 3, 2).float())
    assert not convolution.bias.any()
    assert not linear.bias.any()
    assert layers.linear(4, 6, bias=False).bias is None
    assert layers.made == 3


def test_a_float64_model_starts_from_the_same_weights_before_rounding() -> None:
    narrow = build("mlp", seed=2)
    torch.set_default_dtype(torch.float64)
    try:
        wide = build("mlp", seed=2)
    finally:
        torch.set_default_dtype(torch.float32)
    assert wide.layers.fc1.weight.dtype == torch.float64
    assert torch.equal(wide.layers.fc1.weight.float(), narrow.layers.fc1.weight)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="seed = -1: a seed is at least 0"):
        build("mlp", seed=-1)
