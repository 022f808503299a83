"""After which layers a norm is put in, and what is said of the others."""

import torch
from tests.norms.models_with_norms import bytes_of, plain
from torch import nn
from torch.nn import functional

from landscope.norms.replace.model import replace_norms

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))


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
        "boxes": "its output is the model's output",
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
        "conv1": "kept as requested",
        "conv2.norm": None,
        "fc1": "kept as requested",
        "fc2": "kept as requested",
    }


def test_a_layer_used_twice_has_one_norm():
    layer = nn.Conv2d(3, 3, 1)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.Flatten(), nn.Linear(192, 2))

    found, reasons = left(model, example=IMAGES)

    assert found[0] is found[2]
    assert found[0].norm is found[2].norm
    assert list(reasons) == ["0.norm", "4"]
