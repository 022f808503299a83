"""Norms of features that lie last: each token is a sample, in transformers as elsewhere."""

import pytest
import torch
from tests.norms.models_with_norms import Language, bytes_of, stirred
from tests.tolerances import FLOAT32
from torch import nn

from landscope.errors import UsageError
from landscope.norms.batch import BatchNorm2d
from landscope.norms.replace.adapt import FeaturesLast
from landscope.norms.replace.model import replace_norms
from landscope.norms.table import NORMS, build


def tokens(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", [name for name in NORMS if name != "instance"])
def test_the_last_dimension_is_normalised_as_features(name):
    norm = stirred(nn.Sequential(nn.LayerNorm(8)))
    inputs = tokens(5, 7, 8)
    replaced = replace_norms(norm, name)
    reference = build(name, 8, 0)
    parameters = dict(reference.named_parameters())
    with torch.no_grad():
        for end in ("weight", "bias"):
            for parameter in parameters:
                if parameter.endswith(end):
                    parameters[parameter].copy_(getattr(norm[0], end))

    torch.manual_seed(0)
    found = replaced(inputs)
    torch.manual_seed(0)
    expected = reference(torch.stack([token for sample in inputs for token in sample]))

    assert torch.equal(found.reshape(35, 8), expected)


@pytest.mark.parametrize("name", ["layer", "group", "rms", "none"])
def test_a_norm_of_a_sample_looks_at_one_token_alone(name):
    replaced = replace_norms(nn.Sequential(nn.LayerNorm(8)), name)
    inputs = tokens(5, 7, 8)
    others = inputs.clone()
    others[1:], others[0, 1:] = 3.0, -2.0

    assert torch.equal(replaced(others)[0, 0], replaced(inputs)[0, 0])


def test_batch_norm_is_over_the_batch_and_the_time():
    replaced = replace_norms(nn.Sequential(nn.LayerNorm(8)), "batch")
    outputs = replaced(tokens(50, 7, 8)).detach()

    FLOAT32.check(1 + outputs.mean((0, 1)), torch.ones(8))


def test_there_and_back_from_features_last():
    model = stirred(Language(lambda features, _: nn.LayerNorm(features)))
    inputs = torch.randint(11, (3, 6))
    there = replace_norms(model, "group")
    back = replace_norms(there, "layer")

    assert isinstance(there.norm1, FeaturesLast)
    assert bytes_of(back) == bytes_of(model)
    assert torch.equal(back(inputs), model(inputs))


def test_instance_norm_of_tokens_is_refused():
    with pytest.raises(UsageError, match="the norm '0': instance norm after a linear layer of 8"):
        replace_norms(nn.Sequential(nn.LayerNorm(8)), "instance")


def test_layer_norm_over_channels_and_space():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.LayerNorm([8, 8, 8]))
    places = []

    replaced = replace_norms(model, "batch", report=places.append)

    assert type(replaced[1]) is BatchNorm2d
    assert places[0].kept == ()  # one scale for each position does not fit
    replaced(torch.randn(4, 3, 8, 8))
    with pytest.raises(UsageError, match=r"'1' takes inputs of shape \(4, 8, 8\).* 4 dimensions"):
        replaced[1](torch.zeros(4, 8, 8))


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
def test_trailing_dimensions_that_are_not_channels_and_space_are_refused(norm):
    model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), norm([8, 8]))

    with pytest.raises(UsageError, match=r"the norm '1' takes inputs of shape \(4, 5, 8, 8\)"):
        replace_norms(model, "batch", example=torch.zeros(4, 3, 8, 8))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, 3)

    def forward(self, x, padding=None):
        return self.head(self.encoder(x, src_key_padding_mask=padding))


@pytest.mark.parametrize("insert", [False, True])
@pytest.mark.parametrize("name", [name for name in NORMS if name != "instance"])
def test_a_transformer_is_right_in_evaluation_mode(name, insert):
    """PyTorch's fast path would compute layer norm with whatever weights it finds."""
    model, inputs = Encoder(), tokens(5, 7, 8)
    padding = torch.zeros(5, 7, dtype=torch.bool)
    padding[0, 5:] = True
    example = (inputs, padding)
    replaced = replace_norms(model, name, insert=insert, example=example)
    replaced(*example).sum().backward()
    replaced.eval()

    slow = replaced(*example).detach()
    with torch.no_grad():
        fast = replaced(*example)

    FLOAT32.check(fast, slow)


def test_an_example_passes_a_transformer_in_evaluation_mode():
    model = Encoder().eval()
    padding = torch.zeros(5, 7, dtype=torch.bool)
    padding[0, 5:] = True

    replaced = replace_norms(model, "batch", example={"x": tokens(5, 7, 8), "padding": padding})

    assert isinstance(replaced.encoder.layers[0].norm1, FeaturesLast)
