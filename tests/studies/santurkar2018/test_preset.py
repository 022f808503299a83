"""Presets: their numbers, and that the layers they name exist in the models they name."""

from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from tests.tolerances import EXACT64

from landscope.data import DATASETS
from landscope.models.table import build, pre_activation
from landscope.norms.names import NormName
from landscope.norms.table import NORMS
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.studies.santurkar2018.experiments import (
    PRESETS,
    FamilyPreset,
    Preset,
    Probing,
    load_preset,
)

IMAGES = {"fashion-mnist": (1, 28, 28), "cifar-10": (3, 32, 32)}


def network(size: FamilyPreset) -> tuple[torch.nn.Module, torch.Tensor]:
    """The preset's model with batch norm, and two inputs as its data set has them."""
    if size.data == "gaussian":
        return build(size.model, norm="batch"), torch.randn(2, 10)
    channels, *sides = IMAGES[size.data]
    model = build(size.model, norm="batch", in_channels=channels, classes=10)
    return model, torch.randn(2, channels, *sides)


@pytest.mark.parametrize("family", ["vgg", "dln"])
@pytest.mark.parametrize("name", PRESETS)
def test_the_layers_that_a_preset_names_exist(name: str, family: str) -> None:
    size: FamilyPreset = getattr(load_preset(name), family)
    assert size.data in DATASETS
    model, inputs = network(size)
    objective = Objective.now(model, lambda outputs, _: outputs.sum(), inputs, None)
    layers = [layer.name for layer in execution_order(objective, trainable(model))]
    if size.model == "vgg-16":
        # 13 convolutions and 3 linear layers, so that the paper's layer 13 is there.
        assert len(layers) == 16
    for numbers in size.layers.values():
        assert len(set(numbers)) == len(numbers)
        for number in numbers:
            assert 1 <= number <= len(layers)
            pre_activation(model, layers[number - 1])


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_the_layers_of_every_figure_that_shows_single_ones(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert {figure: len(layers) for figure, layers in preset.vgg.layers.items()} == {
        "figure_1": 2,
        "figure_2": 3,
        "figure_3": 2,
        "figure_6": 1,
    }
    assert {figure: len(layers) for figure, layers in preset.dln.layers.items()} == {
        "figure_3": 2,
        "figure_9": 3,
    }


def test_the_paper_preset_has_the_numbers_of_the_paper() -> None:
    """Sections 2 to 4 and A.2 of Santurkar et al. 2018; literals, not what the code says."""
    preset = load_preset("paper")
    vgg, dln = preset.vgg, preset.dln
    assert (vgg.data, vgg.model) == ("cifar-10", "vgg-16")
    assert (vgg.steps, vgg.batch_size, vgg.probing.look_every) == (15_000, 128, 100)
    assert vgg.probing.multiples == (0.5, 1.0, 2.0, 4.0)
    assert vgg.layers == {
        "figure_1": (3, 11),
        "figure_2": (2, 9, 13),
        "figure_3": (5, 10),
        "figure_6": (11,),
    }
    assert (dln.data, dln.model) == ("gaussian", "dln-25")
    assert (dln.steps, dln.batch_size, dln.probing.look_every) == (10_000, None, 50)
    assert dln.l2_penalty == 0.0
    # E = {1e-8, 1e-7, 1e-6, 1e-5, 10^-4.5} at the learning rate of 1e-6.
    EXACT64.check(
        [1e-6 * multiple for multiple in dln.probing.multiples],
        [1e-8, 1e-7, 1e-6, 1e-5, 10**-4.5],
    )
    assert dln.layers == {"figure_3": (9, 17), "figure_9": (1, 11, 24)}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_tries_the_same_multiples_of_the_learning_rate(name: str) -> None:
    paper, preset = load_preset("paper"), load_preset(name)
    assert preset.vgg.probing.multiples == paper.vgg.probing.multiples
    assert preset.dln.probing.multiples == paper.dln.probing.multiples


@pytest.mark.parametrize("name", PRESETS)
def test_every_look_has_a_point_of_the_curves_beside_it(name: str) -> None:
    for size in (load_preset(name).vgg, load_preset(name).dln):
        assert size.probing.look_every % size.probing.curve_every == 0
        assert size.probing.theory_every % size.probing.look_every == 0
        assert size.steps >= 2 * size.probing.look_every


def test_every_norm_that_a_run_can_have_is_in_the_table() -> None:
    assert set(get_args(NormName)) <= set(NORMS)


def test_a_misspelt_field_is_an_error() -> None:
    given = load_preset("quick").model_dump(mode="json")
    Preset.model_validate(given)
    given["vgg"]["probing"]["look_evry"] = 10
    with pytest.raises(ValidationError, match=r"look_evry\n.*Extra inputs are not permitted"):
        Preset.model_validate(given)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("look_every", 0),
        ("curve_every", -1),
        ("multiples", []),
        ("reference_inputs", 1),
        ("bins", 1),
    ],
)
def test_a_cadence_or_a_grid_without_meaning_is_an_error(field: str, value: object) -> None:
    given = load_preset("quick").vgg.probing.model_dump()
    with pytest.raises(ValidationError, match=field):
        Probing.model_validate({**given, field: value})


def test_a_preset_cannot_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_preset("quick").vgg.steps = 1  # pyright: ignore[reportAttributeAccessIssue]
