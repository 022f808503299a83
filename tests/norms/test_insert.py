"""Norms put in where a model has none: against the same model with the norms written out."""

import copy
import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.norms.models_with_norms import MODELS, Plain, bytes_of, model_of, plain, torch_batch_norm
from torch import nn
from torch.nn.utils import parametrizations

import landscope
from landscope.norms.batch import BatchNorm2d
from landscope.norms.replace.model import replace_norms
from landscope.norms.table import NORMS, build, builder
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("given", [False, True], ids=["alone", "with an example"])
@pytest.mark.parametrize("name", [name for name in NORMS if name not in ("none", "instance")])
def test_a_norm_that_is_put_in_acts_as_one_that_is_written_out(name, given):
    places = []
    model, reference = plain(), plain(builder(name))

    found = replace_norms(
        model, name, insert=True, example=IMAGES if given else None, report=places.append
    )

    torch.manual_seed(3)
    outputs = found(IMAGES)
    torch.manual_seed(3)
    expected = reference(IMAGES)
    assert torch.equal(outputs, expected)
    outputs.square().sum().backward()
    expected.square().sum().backward()
    pairs = zip(("conv1", "conv2", "fc1"), ("norm1", "norm2", "norm3"), strict=True)
    for layer, norm in pairs:
        theirs = dict(reference.get_submodule(norm).named_parameters())
        for parameter, value in found.get_submodule(f"{layer}.norm").named_parameters():
            assert torch.equal(value.grad, theirs[parameter].grad)
    assert [place.name for place in places if place.left is None] == [
        "conv1.norm",
        "conv2.norm",
        "fc1.norm",
    ]
    assert str(places[0]).startswith("conv1.norm: no norm -> ")
    assert str(places[-1]) == "fc2: unchanged: the last layer"


def test_none_puts_nothing_in():
    model = plain()
    found = replace_norms(model, "none", insert=True)

    assert [type(part) for part in found.modules()] == [type(part) for part in model.modules()]
    assert bytes_of(found) == bytes_of(model)


def test_the_weights_are_equal_whatever_the_norm():
    model = plain()
    own = bytes_of(model)
    for name in sorted(set(NORMS) - {"instance"}):
        found = bytes_of(replace_norms(model, name, insert=True))
        assert {key: found[key] for key in own} == own


def test_the_layers_keep_their_types_and_weights():
    found = replace_norms(plain(), "batch", insert=True)

    assert type(found.conv1) is nn.Conv2d
    assert isinstance(found.conv1.norm, BatchNorm2d)
    assert found.conv1.in_channels == 3
    assert set(bytes_of(plain())) < set(bytes_of(found))


def test_copies_and_saved_weights_go_along():
    found = replace_norms(plain(), "batch", insert=True)
    found(IMAGES)
    twin = copy.deepcopy(found)
    twin.conv1.norm.weight.data.fill_(0.5)
    assert torch.equal(found.conv1.norm.weight, torch.ones(8))
    assert not torch.equal(twin(IMAGES), found(IMAGES))

    other = replace_norms(Plain(), "batch", insert=True)
    other.load_state_dict(found.state_dict())
    assert torch.equal(other.eval()(IMAGES), found.eval()(IMAGES))

    file = io.BytesIO()
    torch.save(found, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(IMAGES), found(IMAGES))


COMPILED = """
import copy, sys
import torch
from tests.norms.models_with_norms import model_of, plain, torch_batch_norm
from landscope.norms.replace.model import replace_norms
from landscope.testing.tolerances import FLOAT32

for model, inputs in ((plain(), torch.randn(4, 3, 8, 8)), model_of("mlp", torch_batch_norm)):
    for name in ("batch", "group", "l1", "rms"):
        for example in (inputs, None):
            insert = example is not None or model.__class__.__name__ == "Plain"
            found = replace_norms(model, name, insert=insert, example=example)
            compiled = torch.compile(copy.deepcopy(found), backend="eager", fullgraph=True)
            FLOAT32.check(compiled(inputs).detach(), found(inputs).detach())
            print(name)
"""


@pytest.mark.slow
def test_a_compiled_copy_computes_the_same_in_one_graph():
    """In a process of its own: here types are checked, which the compiler cannot see through."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False, cwd=root
    )

    assert done.stderr == ""
    assert len(done.stdout.split()) == 16


def layers_of(model, inputs):
    objective = Objective.now(model, lambda outputs, _: outputs.square().mean(), inputs, 0)
    return execution_order(objective, trainable(model))


def test_a_norm_belongs_to_the_layer_that_it_follows():
    found = replace_norms(plain(), "batch", insert=True)

    layers = layers_of(found, IMAGES)

    assert [layer.name for layer in layers] == ["conv1", "conv2", "fc1", "fc2"]
    assert layers[0].parameters == (
        "conv1.weight",
        "conv1.bias",
        "conv1.norm.weight",
        "conv1.norm.bias",
    )


@pytest.mark.parametrize("insert", [False, True])
@pytest.mark.parametrize("name", ["batch", "group", "layer", "l1"])
@pytest.mark.parametrize("shape", [name for name in MODELS if name != "shared"])
def test_layers_and_covariate_shift_are_those_of_the_model_itself(shape, name, insert):
    model, inputs = model_of(shape, torch_batch_norm)
    found = replace_norms(model, name, insert=insert, example=inputs)
    after = {n: p.detach() + 0.01 for n, p in found.named_parameters()}

    shifts = landscope.covariate_shift(
        found, lambda outputs, _: outputs.square().mean(), inputs, torch.zeros(()), after=after
    )

    assert [shift.layer for shift in shifts] == [layer.name for layer in layers_of(model, inputs)]
    assert shifts[0].l2 == 0 < shifts[-1].l2


def test_tokens_have_their_features_last():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    inputs = torch.randn(5, 7, 6)

    found = replace_norms(model, "batch", insert=True)

    expected = build("batch", 8, 0)(model[0](inputs).reshape(35, 8)).reshape(5, 7, 8)
    assert torch.equal(found[0](inputs), expected)


def test_type_mode_and_frozen_layers_stay():
    model = plain().double().eval()
    model.conv1.requires_grad_(False)

    found = replace_norms(model, "batch", insert=True)

    assert found.conv1.norm.weight.dtype == torch.float64
    assert not found.conv1.norm.training
    assert not found.conv1.norm.weight.requires_grad
    assert found.fc1.norm.weight.requires_grad


def test_a_parametrised_layer_and_one_that_has_something_called_norm():
    model = plain()
    parametrizations.weight_norm(model.conv1)
    parametrizations.spectral_norm(model.conv2)
    model.fc1.norm = 3.0

    found = replace_norms(model, "group", insert=True, example=IMAGES)

    assert isinstance(found.fc1.norm_after, nn.GroupNorm)
    assert [layer.name for layer in layers_of(found, IMAGES)] == ["conv1", "conv2", "fc1", "fc2"]
