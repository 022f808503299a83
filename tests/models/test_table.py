"""The table of models: every row answers to its name, and what cannot be is refused."""

import pytest
import torch
from torch import nn

from landscope.errors import UsageError
from landscope.models.table import MODELS, build


def test_names_are_those_of_the_rows() -> None:
    assert list(MODELS) == ["vgg-small", "vgg-medium", "vgg-11", "vgg-16", "dln", "mlp"]
    assert list(MODELS) == [entry.name for entry in MODELS.values()]


@pytest.mark.parametrize(("name", "depth"), [("dln", 25), ("dln-4", 4), ("mlp", 3), ("mlp-1", 1)])
def test_a_name_may_carry_the_depth(name, depth) -> None:
    assert sum(isinstance(layer, nn.Linear) for layer in build(name).modules()) == depth


def test_inputs_and_outputs_have_the_numbers_asked_for() -> None:
    assert build("mlp", in_channels=12, classes=3)(torch.zeros(2, 3, 2, 2)).shape == (2, 3)
    assert build("vgg-11", in_channels=1, classes=4)(torch.zeros(2, 1, 32, 32)).shape == (2, 4)
    assert build("dln-2", in_channels=6)(torch.zeros(2, 6)).shape == (2, 6)
    assert build("dln-2", in_channels=6, classes=6)(torch.zeros(2, 6)).shape == (2, 6)


def test_a_norm_may_be_ones_own() -> None:
    asked: list[tuple[int, int]] = []

    def own(features: int, spatial: int) -> nn.Module:
        asked.append((features, spatial))
        return nn.Tanh()

    build("vgg-small", norm=own)
    assert asked == [(width, 2) for width in (8, 16, 32, 32, 64, 64)]
    asked.clear()
    build("mlp", norm=own)
    assert asked == [(128, 0), (128, 0)]


@pytest.mark.parametrize("name", ["vgg-13", "vgg16", "vgg-small-3", "vgg-16-2"])
def test_an_unknown_model_is_refused_with_a_suggestion(name) -> None:
    with pytest.raises(UsageError, match=rf"model '{name}': .* did you mean 'vgg-"):
        build(name)


def test_a_depth_below_1_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model 'mlp-0': .* at least 1; give mlp-3, for one"):
        build("mlp-0")


@pytest.mark.parametrize("what", ["in_channels", "classes"])
def test_a_number_below_1_is_refused(what) -> None:
    with pytest.raises(UsageError, match=f"{what} = 0: it is at least 1"):
        build("mlp", **{what: 0})


def test_a_deep_linear_network_is_square() -> None:
    with pytest.raises(UsageError, match=r"classes = 3 with in_channels = 10: .* are square"):
        build("dln", classes=3)


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(UsageError, match=r"norm 'layr': .* did you mean 'layer'"):
        build("mlp", norm="layr")
