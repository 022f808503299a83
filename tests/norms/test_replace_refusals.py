"""What cannot be replaced is refused by name, with a remedy; what is not known is asked for."""

import threading

import pytest
import torch
from tests.norms.models_with_norms import bytes_of, model_of, torch_batch_norm
from torch import nn
from torch.nn.utils import parametrizations

from landscope.errors import UsageError
from landscope.norms.replace.adapt import FeaturesLast
from landscope.norms.replace.model import replace_norms

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))


def convolution_and(norm):
    return nn.Sequential(nn.Conv2d(3, 8, 3), norm)


class LlamaRMSNorm(nn.Module):
    """As in transformers: a class of its own, features last."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(features))

    def forward(self, hidden):
        return self.weight * hidden * hidden.square().mean(-1, keepdim=True).rsqrt()


class LayerNorm2d(nn.LayerNorm):
    """As in torchvision: derived from a norm of features last, with its features first."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class FrozenBatchNorm2d(nn.Module):
    """As in torchvision: numbers that are never trained."""

    def __init__(self, features):
        super().__init__()
        self.register_buffer("weight", torch.rand(features))
        self.register_buffer("bias", torch.rand(features))

    def forward(self, x):
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class Renamed(nn.BatchNorm2d):
    """Adds nothing to the pass."""


STRANGERS = {
    "rms": (LlamaRMSNorm(8), "last", (2, 5, 8)),
    "layer": (LayerNorm2d(8), "first", (2, 8, 5, 5)),
    "frozen": (FrozenBatchNorm2d(8), "first", (2, 8, 5, 5)),
}


@pytest.mark.parametrize("which", STRANGERS)
def test_a_norm_that_is_not_known_is_asked_for(which):
    norm, axis, shape = STRANGERS[which]
    kind = type(norm).__name__
    model = nn.Sequential(nn.BatchNorm2d(8), nn.Sequential(norm, norm))

    with pytest.raises(UsageError) as refused:
        replace_norms(model, "group", example=torch.zeros(shape))

    assert refused.value.value == f"the module '1.0' and 1 more of type {kind}"
    assert refused.value.remedy == (
        f"give also={{{kind}: '{axis}'}} to replace it, or keep=[{kind}] to leave it"
    )


def test_a_module_that_names_no_place_for_its_features_is_not_guessed():
    class FlatNorm(nn.Module):
        def forward(self, x):
            return x / x.std(tuple(range(1, x.dim())), keepdim=True)

    model = nn.Sequential(nn.Linear(4, 8), FlatNorm(), FlatNorm())
    with pytest.raises(UsageError) as refused:
        replace_norms(model, "group")

    assert refused.value.value == "the module '1' and 1 more of type FlatNorm"
    assert refused.value.remedy == (
        "give also={FlatNorm: 'last'} where they are the last dimension or "
        "also={FlatNorm: 'first'} where they follow the batch to replace it, "
        "or keep=[FlatNorm] to leave it"
    )


@pytest.mark.parametrize("which", STRANGERS)
def test_a_norm_that_was_spoken_of_is_replaced(which):
    norm, axis, shape = STRANGERS[which]
    model = nn.Sequential(nn.Identity(), norm)

    found = replace_norms(model, "group", also={type(norm): axis}, example=torch.randn(shape))

    new = found[1].norm if axis == "last" else found[1]
    assert isinstance(found[1], FeaturesLast if axis == "last" else nn.GroupNorm)
    assert torch.equal(new.weight, norm.weight)
    assert new.weight.requires_grad == norm.weight.requires_grad
    assert found(torch.randn(shape)).shape == shape


def test_a_place_of_the_features_that_is_wrong_is_refused_with_the_right_one():
    norm, _, shape = STRANGERS["layer"]
    kind, model = type(norm), nn.Sequential(nn.Identity(), norm)

    with pytest.raises(UsageError, match="with its features last, it does not behave") as refused:
        replace_norms(model, "group", also={kind: "last"}, example=torch.randn(shape))
    assert "give also={LayerNorm2d: 'first'} to replace it" in refused.value.remedy
    # On (batch, features) the two are one; with more dimensions the example tells.
    with pytest.raises(UsageError, match="the norm '0' takes inputs of shape"):
        replace_norms(
            nn.Sequential(LlamaRMSNorm(8)),
            "group",
            also={LlamaRMSNorm: "first"},
            example=torch.randn(2, 5, 8),
        )


def test_a_norm_that_is_kept_stays_as_it_is():
    norm = LlamaRMSNorm(8)
    places = []
    model = nn.Sequential(nn.LayerNorm(8), norm)

    found = replace_norms(model, "rms", keep=[LlamaRMSNorm], report=places.append)

    assert type(found[1]) is LlamaRMSNorm
    assert [place.left for place in places] == [None, "kept as requested"]


def test_a_derived_class_with_the_same_pass_is_known():
    found = replace_norms(convolution_and(Renamed(8)), "group")

    assert type(found[1]) is nn.GroupNorm


def test_a_norm_whose_pass_was_put_in_by_hand_is_not_known():
    model = convolution_and(nn.BatchNorm2d(8))
    model[1].forward = lambda x: x

    with pytest.raises(UsageError, match="the module '1' of type BatchNorm2d"):
        replace_norms(model, "group")


def test_a_norm_of_weights_is_none_of_activations():
    model = convolution_and(nn.BatchNorm2d(8))
    parametrizations.spectral_norm(model[0])
    parametrizations.weight_norm(model[1])

    found = replace_norms(model, "group")

    assert torch.equal(found[1].weight, model[1].weight)
    assert isinstance(found[1].weight, nn.Parameter)
    assert found(IMAGES).shape == (4, 8, 6, 6)


def test_a_module_that_only_holds_a_norm_is_looked_into():
    class PreNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(8)

    assert isinstance(replace_norms(PreNorm(), "group").norm, FeaturesLast)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (nn.Sequential(nn.Linear(2, 3)), {}, "a model without norms: there is nothing to replace"),
        (
            convolution_and(nn.BatchNorm2d(8)),
            {"keep": ["1"]},
            "a model whose norms are all kept: there is nothing to replace",
        ),
        (
            convolution_and(nn.BatchNorm2d(8)),
            {"insert": True},
            "has norms, without an example: .* give a batch as example=",
        ),
        (
            convolution_and(nn.BatchNorm2d(8)),
            {"keep": ["l"]},
            "module to keep 'l': the known ones are",
        ),
        (
            convolution_and(nn.BatchNorm2d(8)),
            {"constants": {"group": 2}},
            "group norm constant 'group': .* did you mean 'groups'",
        ),
        (
            convolution_and(nn.BatchNorm2d(8)),
            {"constants": {"groups": 3}},
            r"the norm '1': groups = 3 with 8 features: .* give one of 1, 2, 4, 8",
        ),
        (
            convolution_and(nn.BatchNorm2d(8)),
            {"example": torch.zeros(4, 2, 8, 8)},
            "example: Given groups=1, .* the model is run on it once",
        ),
        (convolution_and(nn.LazyBatchNorm2d()), {}, "the norm '1' has no shape yet: .* run the"),
        (
            nn.Sequential(nn.Embedding(3, 8), nn.GroupNorm(2, 8)),
            {},
            "the number of spatial dimensions of the norm '1': .* give a batch as example=",
        ),
        (
            nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5)),
            {"insert": True, "example": torch.zeros(3)},
            r"the layer '0' gives a tensor of shape \(4,\): .* keep=\['0'\]",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(model, options, message):
    before = bytes_of(model) if "Lazy" not in repr(model) else None

    with pytest.raises(UsageError, match=message):
        replace_norms(model, "group", **options)

    assert before is None or bytes_of(model) == before


def test_noise_needs_an_example_for_its_features():
    model = replace_norms(convolution_and(nn.BatchNorm2d(8)), "noise")

    with pytest.raises(UsageError, match="the number of features of the norm '1'"):
        replace_norms(model, "group")
    assert replace_norms(model, "group", example=IMAGES)[1].num_channels == 8


def test_a_builder_that_makes_no_module_is_refused():
    with pytest.raises(UsageError, match="the norm '1': the builder gave a Tensor: a norm is a"):
        replace_norms(convolution_and(nn.BatchNorm2d(8)), lambda features, _: torch.ones(features))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_compiled_is_refused():
    model, _ = model_of("mlp", torch_batch_norm)
    compiled = nn.Sequential(torch.compile(model, backend="eager"))

    with pytest.raises(UsageError, match="the module '0' is compiled: norms are replaced"):
        replace_norms(compiled, "group")
    with pytest.raises(UsageError, match="the model is compiled"):
        replace_norms(torch.jit.script(nn.Sequential(nn.BatchNorm1d(3))), "group")


def test_a_module_that_has_every_attribute_is_not_taken_for_a_compiled_one():
    class Lenient(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return None

    assert isinstance(replace_norms(Lenient(), "layer").net[1], nn.LayerNorm | nn.GroupNorm)


def test_what_cannot_be_copied_is_refused():
    model = convolution_and(nn.BatchNorm2d(8))
    model.lock = threading.Lock()

    with pytest.raises(UsageError, match=r"of type Sequential: cannot pickle '_thread\.lock'"):
        replace_norms(model, "group")


class MadeAnew(nn.Module):
    """Copies itself in a way of its own, as some do to leave out what cannot be copied."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(x)

    def __deepcopy__(self, memo):
        return MadeAnew()


@pytest.mark.parametrize("model", [MadeAnew(), nn.Sequential(MadeAnew())])
def test_a_copy_without_the_new_norms_is_not_given(model):
    with pytest.raises(UsageError, match=r"has a __deepcopy__ of its own.*copy\.deepcopy"):
        replace_norms(model, "group", example=torch.randn(3, 4))


def test_a_builder_that_gives_one_module_twice_is_refused():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8))
    one = nn.GroupNorm(2, 8)
    with pytest.raises(UsageError, match="'3': the builder returned the same module again"):
        replace_norms(model, lambda _, __: one)


@pytest.mark.slow  # which runs without checks of types, as a user's program does
def test_what_is_no_model_is_refused():
    with pytest.raises(UsageError, match="model = 3: it is a network of torch"):
        replace_norms(3, "group")


def test_a_tensor_of_an_earlier_pass_is_no_obstacle():
    model = convolution_and(nn.BatchNorm2d(8))
    model.met = model(IMAGES)

    found = replace_norms(model, "group", example=IMAGES)

    assert torch.equal(found.met, model.met)
    assert found.met is not model.met


def test_one_norm_with_inputs_of_two_shapes_is_refused():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(8)

        def forward(self, x):
            return self.norm(x) + self.norm(x[..., None])[..., 0]

    with pytest.raises(UsageError, match=r"takes inputs of shape \(5, 8.*\) and \(5, 8.*the same"):
        replace_norms(Both(), "batch", example=torch.randn(5, 8))


def test_a_wrong_guess_is_found_out_at_the_first_pass():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 8)
            self.norm = nn.BatchNorm1d(8)

        def forward(self, x):
            return self.norm(self.fc(x).transpose(1, 2))

    inputs = torch.randn(5, 8, 6)
    guessed = replace_norms(Turned(), "layer")
    with pytest.raises(UsageError, match=r"the norm 'norm' takes inputs of shape \(5, 8, 8\)"):
        guessed(inputs)

    told = replace_norms(Turned(), "layer", example=inputs)

    assert isinstance(told.norm, nn.GroupNorm)
    assert told(inputs).shape == (5, 8, 8)


def test_a_model_traced_to_a_graph_has_its_norms_replaced_too():
    model, inputs = model_of("resnet", torch_batch_norm)
    traced = torch.fx.symbolic_trace(model)

    found, expected = (replace_norms(which, "group") for which in (traced, model))

    assert torch.equal(found(inputs), expected(inputs))
