"""Every norm of a model replaced: against the model built with the other norm from the start."""

import pytest
import torch
from tests.norms.models_with_norms import (
    MODELS,
    WITHOUT_SPACE,
    bytes_of,
    model_of,
    stirred,
    torch_batch_norm,
    torch_group_norm,
    torch_instance_norm,
)
from torch import nn

import landscope
from landscope.errors import UsageError
from landscope.norms.replace.model import replace_norms
from landscope.norms.table import NORMS, builder
from landscope.objective.random_state import RandomState


def outputs_and_gradients(model, inputs):
    model.zero_grad()
    torch.manual_seed(9)  # for the noise of the norms that draw
    outputs = model(inputs)
    outputs.square().mean().backward()
    return [outputs.detach(), *(p.grad for p in model.parameters() if p.grad is not None)]


def assert_same_function(model, reference, inputs):
    assert list(model.state_dict()) == list(reference.state_dict())
    found, expected = (
        outputs_and_gradients(which, inputs) for which in (model.train(), reference.train())
    )
    assert len(found) == len(expected)
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    with torch.no_grad():
        assert torch.equal(model.eval()(inputs), reference.eval()(inputs))


@pytest.mark.parametrize("given", [False, True], ids=["alone", "with an example"])
@pytest.mark.parametrize("source", [torch_batch_norm, torch_group_norm, builder("l1")])
@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("shape", MODELS)
def test_a_replaced_norm_is_the_one_that_would_have_been_built(shape, name, source, given):
    model, inputs = model_of(shape, source)
    if name == "instance" and shape in WITHOUT_SPACE:
        with pytest.raises(UsageError, match=r"norm '.*norm averages over the space"):
            replace_norms(model, name, example=inputs if given else None)
        return
    reference, _ = model_of(shape, builder(name))

    replaced = replace_norms(model, name, example=inputs if given else None)

    assert_same_function(replaced, reference, inputs)


@pytest.mark.parametrize("name", ["batch", "group", "layer", "rms", "none"])
def test_an_instance_norm_is_replaced_too(name):
    model, inputs = model_of("resnet", torch_instance_norm)
    reference, _ = model_of("resnet", builder(name))

    assert_same_function(replace_norms(model, name), reference, inputs)


@pytest.mark.parametrize("source", NORMS)
def test_each_norm_of_the_table_can_be_replaced(source):
    model, inputs = model_of("resnet", builder(source))
    reference, _ = model_of("resnet", builder("group"))
    if source == "none":
        with pytest.raises(UsageError, match="a model without norms: there is nothing to replace"):
            replace_norms(model, "group", example=inputs)
        return

    assert_same_function(replace_norms(model, "group", example=inputs), reference, inputs)


def test_a_builder_of_ones_own_and_constants():
    model, inputs = model_of("resnet", torch_batch_norm)
    reference, _ = model_of("resnet", builder("group", groups=2, eps=0.1))

    assert_same_function(
        replace_norms(model, "group", constants={"groups": 2, "eps": 0.1}), reference, inputs
    )
    assert_same_function(
        replace_norms(model, lambda features, _: nn.GroupNorm(2, features, eps=0.1)),
        reference,
        inputs,
    )


def test_the_given_model_and_the_random_streams_are_left_alone():
    model, inputs = model_of("resnet", torch_batch_norm)
    outputs_and_gradients(model, inputs)
    gradients = [p.grad.clone() for p in model.parameters()]
    modules, state = list(model.modules()), bytes_of(model)
    hooks = [len(module._forward_hooks) for module in modules]
    streams = RandomState.capture()

    def drawing(features, spatial):
        norm = nn.GroupNorm(1, features)
        nn.init.normal_(norm.weight)
        return norm

    noisy = nn.Sequential(model, nn.Dropout(0.5))
    replaced = replace_norms(noisy, drawing, insert=True, example=inputs)
    with torch.no_grad():
        for parameter in replaced.parameters():
            parameter.fill_(7.0)

    assert RandomState.capture().streams == streams.streams
    assert bytes_of(model) == state
    assert all(a is b for a, b in zip(modules, model.modules(), strict=True))
    assert hooks == [len(module._forward_hooks) for module in modules]
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert all(p.grad is None for p in replaced.parameters())


def learned(model):
    parameters = {name for name, _ in model.named_parameters()}
    return {name: value for name, value in bytes_of(model).items() if name in parameters}


@pytest.mark.parametrize("way", ["group", "layer", "l1", "noisy-batch", "instance"])
def test_scale_and_shift_come_along_there_and_back(way):
    model = stirred(model_of("resnet", torch_batch_norm)[0])

    there = replace_norms(model, way)
    back = replace_norms(there, "batch")

    assert learned(back) == learned(model)
    assert set(learned(there).values()) == set(learned(model).values())


def test_rms_norm_keeps_the_scale_and_drops_the_shift():
    model = stirred(model_of("resnet", torch_batch_norm)[0])
    there = replace_norms(model, "rms")
    back = replace_norms(there, "batch")

    assert torch.equal(there.bn1.weight, model.bn1.weight)
    assert torch.equal(back.bn1.weight, model.bn1.weight)
    assert torch.equal(back.bn1.bias, torch.zeros(8))


def test_running_statistics_go_from_batch_norm_to_batch_norm_only():
    model, inputs = model_of("resnet", torch_batch_norm)
    model(inputs)
    model.eval()

    for name in ("batch", "noisy-batch"):
        with torch.no_grad():
            assert torch.equal(replace_norms(model, name)(inputs), model(inputs))
    l1 = replace_norms(model, "l1").bn1
    assert torch.equal(l1.running_mean, torch.zeros(8))


def test_type_mode_and_frozen_norms_stay():
    model = stirred(model_of("resnet", torch_batch_norm)[0]).double().train()
    model.bn1.eval().requires_grad_(False)
    model.blocks[0].bn1.weight.requires_grad_(False)

    replaced = replace_norms(model, "l1")

    assert {t.dtype for t in replaced.state_dict().values()} == {torch.float64}
    assert [part.training for part in replaced.modules()] == [
        part.training for part in model.modules()
    ]
    assert [p.requires_grad for p in replaced.parameters()] == [
        p.requires_grad for p in model.parameters()
    ]
    # A new shift where there was none is trained if the rest of the norm is.
    frozen = replace_norms(replace_norms(model, "rms"), "batch")
    assert not frozen.bn1.bias.requires_grad
    assert frozen.blocks[1].bn1.bias.requires_grad


def test_a_model_on_another_device_stays_there():
    model = model_of("resnet", torch_instance_norm)[0].to("meta")

    replaced = replace_norms(model, "batch")

    assert {t.device.type for t in replaced.state_dict().values()} == {"meta"}


def test_a_shared_norm_is_still_one_wherever_it_is_referred_to():
    model, _ = model_of("shared", torch_batch_norm)
    places = []

    replaced = replace_norms(model, "group", report=places.append)

    assert replaced.norm is replaced.again[0] is replaced.plain[0]
    assert isinstance(replaced.norm, nn.GroupNorm)
    (place,) = places
    assert (place.name, place.shared) == ("norm", ("again.0",))


def test_tied_scales_stay_tied():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
    )
    model[3].weight = model[1].weight

    replaced = replace_norms(model, "group")

    assert replaced[3].weight is replaced[1].weight is not model[1].weight
    assert replaced[3].bias is not replaced[1].bias


def test_it_says_what_was_replaced():
    model, inputs = model_of("resnet", torch_batch_norm)
    places = []

    replace_norms(
        model, "rms", insert=True, example=inputs, keep=["blocks.1", "bn1"], report=places.append
    )

    lines = [str(place) for place in places]
    assert lines[:3] == [
        "conv1: unchanged: followed by the norm 'bn1'",
        "bn1: unchanged: kept as requested",
        "blocks.0.conv1: unchanged: followed by the norm 'blocks.0.bn1'",
    ]
    assert lines[3] == "blocks.0.bn1: BatchNorm2d -> RMSNorm, keeping weight"
    assert lines[-1] == "fc: unchanged: the last layer"
    assert {place.name for place in places if place.left is None} == {
        "blocks.0.bn1",
        "blocks.0.bn2",
        "blocks.0.shortcut.1",
    }


def test_keeping_by_type():
    model, _ = model_of("signal", torch_batch_norm)
    model.fc[1] = nn.LayerNorm(16)

    replaced = replace_norms(model, "group", keep=[nn.BatchNorm1d])

    assert isinstance(replaced.conv[1], nn.BatchNorm1d)
    assert isinstance(replaced.fc[1].norm, nn.GroupNorm)


def test_the_name_is_public():
    assert landscope.replace_norms is replace_norms
