"""Norms put in where a model has none: against the same model with the norms written out."""

import copy
import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.norms.models_with_norms import MODELS, bytes_of, model_of, torch_batch_norm
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import landscope
from landscope.landscape.layers import execution_order
from landscope.landscape.objective import Objective
from landscope.landscape.parameters import trainable
from landscope.norms.batch import BatchNorm2d
from landscope.norms.replace import replace_norms
from landscope.norms.table import NORMS, build, builder

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))


class Plain(nn.Module):
    """Calls its layers by attribute, and reads what they know of themselves."""

    def __init__(self, norm=None):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.fc1 = nn.Linear(8, 12)
        self.fc2 = nn.Linear(12, 5)
        if norm is not None:
            self.norm1, self.norm2, self.norm3 = norm(8, 2), norm(8, 2), norm(12, 0)

    def forward(self, x):
        x = self._normed("norm1", self.conv1(x.to(self.conv1.weight.dtype))).relu()
        x = self._normed("norm2", self.conv2(x)).relu().mean((2, 3))
        x = self._normed("norm3", self.fc1(x.view(-1, self.fc1.in_features))).relu()
        return self.fc2(x)

    def _normed(self, name, x):
        return getattr(self, name)(x) if hasattr(self, name) else x


def plain(norm=None):
    torch.manual_seed(0)
    return Plain(norm)


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
    assert str(places[-1]) == "fc2: left as it is: the last layer"


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
from tests.norms.models_with_norms import model_of, torch_batch_norm
from tests.norms.test_insert import IMAGES, plain
from landscope.norms.replace import replace_norms
from landscope.testing.tolerances import FLOAT32

for model, inputs in ((plain(), IMAGES), model_of("mlp", torch_batch_norm)):
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
    assert all(shift.obstacle is None for shift in shifts)
    assert shifts[0].l2 == 0 < shifts[-1].l2


def test_tokens_have_their_features_last():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    inputs = torch.randn(5, 7, 6)

    found = replace_norms(model, "batch", insert=True)

    expected = build("batch", 8, 0)(model[0](inputs).reshape(35, 8)).reshape(5, 7, 8)
    assert torch.equal(found[0](inputs), expected)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 8, 3)
        self.unused = nn.Linear(2, 2)
        self.boxes = nn.Conv2d(8, 4, 1)
        self.weighed = nn.Conv2d(8, 4, 1)
        self.classes = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        x = self.features(x).relu()
        boxes = self.boxes(x)
        return {"boxes": (boxes.flatten(1), self.weighed(x).exp()), "classes": self.classes(x)}


def left(model, **options):
    places = []
    found = replace_norms(model, "group", insert=True, report=places.append, **options)
    return found, {place.name: place.left for place in places}


def test_an_example_shows_the_outputs_and_what_is_not_called():
    _, reasons = left(Branches(), example=IMAGES)

    assert reasons == {
        "features.norm": None,
        "unused": "not called on the example",
        "boxes": "what it gives is the model's output",
        "weighed.norm": None,
        "classes": "the last layer",
    }


class ConvNext(nn.Module):
    """A norm of features last after a convolution; an activation in place before another."""

    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(3, 8, 3, groups=1)
        self.norm = nn.LayerNorm(8)
        self.up = nn.Linear(8, 16)
        self.late = nn.LayerNorm(16)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        x = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return self.head(self.late(functional.relu(self.up(x), inplace=True)).mean((1, 2)))


def test_directly_followed_means_by_the_very_values():
    found, reasons = left(ConvNext(), example=IMAGES)

    assert reasons["depthwise"] == "followed by the norm 'norm'"
    assert "up.norm" in reasons
    assert found(IMAGES).shape == (4, 2)


def test_a_norm_put_in_is_replaced_and_not_doubled():
    once = replace_norms(plain(), "batch", insert=True)
    found, reasons = left(once, example=IMAGES)

    assert list(bytes_of(found)) == list(bytes_of(replace_norms(plain(), "group", insert=True)))
    assert reasons["conv1"] == "followed by the norm 'conv1.norm'"
    assert torch.equal(found(IMAGES), replace_norms(once, "group")(IMAGES))


def test_attention_is_left_and_said_so():
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    _, reasons = left(model, example=torch.randn(2, 5, 8))

    assert reasons["self_attn.out_proj"] == (
        "nn.MultiheadAttention uses its weights and does not call it"
    )


def test_what_is_kept_gets_no_norm():
    _, reasons = left(plain(), keep=["conv1", nn.Linear])

    assert reasons == {
        "conv1": "kept, as asked",
        "conv2.norm": None,
        "fc1": "kept, as asked",
        "fc2": "kept, as asked",
    }


def test_a_layer_used_twice_has_one_norm():
    layer = nn.Conv2d(3, 3, 1)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.Flatten(), nn.Linear(192, 2))

    found, reasons = left(model, example=IMAGES)

    assert found[0] is found[2]
    assert found[0].norm is found[2].norm
    assert list(reasons) == ["0.norm", "4"]


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
