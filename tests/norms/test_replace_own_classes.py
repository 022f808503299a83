"""Norm classes of somebody's own: what they hold stays behind the new norm, or they are refused.

Each advice is followed, and what it leads to is compared with what the original does.
"""

import pytest
import torch
from tests.norms.models_with_norms import bytes_of
from tests.tolerances import FLOAT32
from torch import nn

from landscope.errors import UsageError
from landscope.norms.replace.found import ON_COMMAND_LINE
from landscope.norms.replace.model import replace_norms, replaced
from landscope.objective.random_state import RandomState

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))


class BatchNormAct2d(nn.BatchNorm2d):
    """As in timm: drop and act behind the norm."""

    def __init__(self, features, act=nn.SiLU, drop=nn.Identity):
        super().__init__(features)
        self.drop, self.act = drop(), act()

    def forward(self, x):
        return self.act(self.drop(super().forward(x)))


class GroupNormAct(nn.GroupNorm):
    def __init__(self, features):
        super().__init__(2, features)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(super().forward(x))


class LayerNormAct2d(nn.LayerNorm):
    def __init__(self, features):
        super().__init__(features)
        self.act = nn.GELU()

    def forward(self, x):
        return self.act(super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class ScaledNorm(nn.Module):
    """Not derived from any norm, with a layer scale and a PReLU behind it."""

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.gamma = nn.Parameter(torch.tensor(0.1))

        def forward(self, x):
            return self.gamma * x

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1, features, 1, 1))
        self.scale, self.act = self.Scale(), nn.PReLU()

    def forward(self, x):
        y = x * x.square().mean((1, 2, 3), keepdim=True).rsqrt()
        return self.act(self.scale(self.weight * y))


class FrozenBatchNormAct2d(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.register_buffer("weight", torch.rand(features))
        self.register_buffer("bias", torch.rand(features))
        self.register_buffer("running_var", torch.rand(features) + 0.5)
        self.act = nn.ReLU6()

    def forward(self, x):
        scale = self.weight * self.running_var.rsqrt()
        return self.act(x * scale[:, None, None] + self.bias[:, None, None])


HOLD_MORE = {
    "silu": (lambda: BatchNormAct2d(8), nn.BatchNorm2d),
    "dropout": (lambda: BatchNormAct2d(8, drop=lambda: nn.Dropout(0.5)), nn.BatchNorm2d),
    "no activation": (lambda: BatchNormAct2d(8, act=nn.Identity), nn.BatchNorm2d),
    "relu6": (lambda: BatchNormAct2d(8, act=nn.ReLU6), nn.BatchNorm2d),
    "group": (lambda: GroupNormAct(8), lambda features: nn.GroupNorm(2, features)),
    "layer": (lambda: LayerNormAct2d(8), None),
    "scale": (lambda: ScaledNorm(8), None),
    "frozen": (lambda: FrozenBatchNormAct2d(8), None),
}


def advised(model, **options):
    """What the error's remedy says to give, and the error."""
    with pytest.raises(UsageError) as refused:
        replace_norms(model, "group", **options)
    kinds = {type(module).__name__: type(module) for module in model.modules()}
    remedy = refused.value.remedy
    also = remedy.partition("also=")[2].partition("}")[0]
    keep = remedy.partition("keep=")[2].partition("]")[0]
    return (
        eval(f"{also}}}", {}, kinds) if also else None,  # noqa: S307
        eval(f"{keep}]", {}, kinds) if keep else None,  # noqa: S307
        refused.value,
    )


def counted(model):
    kinds = (nn.SiLU, nn.ReLU, nn.ReLU6, nn.GELU, nn.PReLU, nn.Dropout)
    return sum(isinstance(module, kinds) for module in model.modules())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("which", HOLD_MORE)
def test_what_a_norm_holds_follows_the_new_one(which, training):
    made, _ = HOLD_MORE[which]
    model = nn.Sequential(nn.Conv2d(3, 8, 3), made(), nn.Conv2d(8, 8, 3), made()).train(training)
    before, streams = bytes_of(model), RandomState.capture()
    also, keep, error = advised(model, example=IMAGES)
    held = [name for name, _ in model[1].named_children()]
    assert f"with its {', '.join(held)} after the new norm" in error.remedy
    places = []

    found = replace_norms(model, "group", example=IMAGES, also=also, report=places.append)

    assert RandomState.capture().streams == streams.streams
    assert bytes_of(model) == before
    assert counted(found) == counted(model)
    assert places[0].new == "GroupNorm"
    assert set(held) <= set(places[0].kept)
    (norm,) = (part for part in found[1].children() if isinstance(part, nn.GroupNorm))
    inputs = found[0](IMAGES)
    torch.manual_seed(0)
    expected = norm(inputs)
    for name in held:
        expected = model[1].get_submodule(name)(expected)
    torch.manual_seed(0)
    assert torch.equal(found[1](inputs), expected)
    assert found[1].training == training
    # What the copy holds is its own.
    found[1].get_submodule(held[-1]).mark = 1
    assert not hasattr(model[1].get_submodule(held[-1]), "mark")
    kept = replace_norms(nn.Sequential(model, nn.BatchNorm2d(8)), "group", keep=keep)
    assert type(kept[0][1]) is type(model[1])


@pytest.mark.parametrize("which", [name for name, row in HOLD_MORE.items() if row[1]])
def test_with_the_same_kind_of_norm_the_function_stays(which):
    made, same = HOLD_MORE[which]
    model = nn.Sequential(nn.Conv2d(3, 8, 3), made())
    with torch.no_grad():
        model[1].weight.uniform_()
        model[1].bias.normal_()
    also, _, _ = advised(model)

    found = replace_norms(model, lambda features, _: same(features), also=also)

    torch.manual_seed(0)
    expected = model(IMAGES).detach()
    torch.manual_seed(0)
    FLOAT32.check(found(IMAGES).detach(), expected)


class EvoNorm2dS0(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight, self.bias, self.v = (nn.Parameter(torch.ones(features)) for _ in range(3))

    def forward(self, x):
        weight, bias, v = (p.view(1, -1, 1, 1) for p in (self.weight, self.bias, self.v))
        deviation = x.flatten(1).std(1).view(-1, 1, 1, 1)
        return x * (v * x).sigmoid() / deviation * weight + bias


class FilterResponseNormTlu2d(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight, self.tau = (nn.Parameter(torch.ones(features)) for _ in range(2))

    def forward(self, x):
        y = x * x.square().mean((2, 3), keepdim=True).rsqrt()
        return torch.maximum(y * self.weight.view(1, -1, 1, 1), self.tau.view(1, -1, 1, 1))


class GRN(nn.Module):
    """As in ConvNeXt V2, with a residual; at its initial weights it is the identity."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        size = x.norm(dim=(2, 3), keepdim=True)
        return x + self.weight.view(1, -1, 1, 1) * x * size / size.mean(1, keepdim=True)


class InPlaceABN(nn.BatchNorm2d):
    def forward(self, x):
        return nn.functional.leaky_relu(super().forward(x), 0.01)


class ResidualNorm(nn.BatchNorm2d):
    def forward(self, x):
        return x + super().forward(x)


class DropNorm(nn.BatchNorm2d):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.1, self.training)


class ClampNorm(nn.GroupNorm):
    def forward(self, x):
        return super().forward(x).clamp(-20, 20)


class PreActNorm(nn.BatchNorm2d):
    """Holds its activation, and calls it before the norm."""

    def __init__(self, features):
        super().__init__(features)
        self.act = nn.ReLU()

    def forward(self, x):
        return super().forward(self.act(x))


class ScaledInputNorm(nn.BatchNorm2d):
    """Holds a scale that is 1 at first, and is called before the norm."""

    def __init__(self, features):
        super().__init__(features)
        self.scale = ScaledNorm.Scale()
        nn.init.ones_(self.scale.gamma)

    def forward(self, x):
        return super().forward(self.scale(x))


class BranchNorm(nn.BatchNorm2d):
    """Multiplies by what it holds, as a gate does."""

    def __init__(self, features):
        super().__init__(features)
        self.gate = nn.Sigmoid()

    def forward(self, x):
        y = super().forward(x)
        return y * self.gate(y)


class ActNorm(nn.Module):
    """As in Glow: gives a log-determinant as well."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, features, 1, 1))

    def forward(self, x):
        return x * self.weight, self.weight.abs().log().sum()


class ConditionalNorm(nn.BatchNorm2d):
    def forward(self, x, scale):
        return super().forward(x) * scale


DO_MORE = [
    EvoNorm2dS0(8), FilterResponseNormTlu2d(8), GRN(8), InPlaceABN(8), ResidualNorm(8),
    DropNorm(8), ClampNorm(2, 8), PreActNorm(8), ScaledInputNorm(8),
    BranchNorm(8), ActNorm(8), ConditionalNorm(8),
]  # fmt: skip


@pytest.mark.parametrize("norm", DO_MORE, ids=lambda norm: type(norm).__name__)
def test_what_does_more_than_a_norm_is_refused_whatever_is_said_of_it(norm):
    kind = type(norm)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), norm)
    for options in ({}, {"also": {kind: "first"}}, {"also": {kind: "last"}}):
        also, keep, error = advised(model, **options)
        assert also is None
        assert error.value == f"the module '2' of type {kind.__name__}"
        assert error.rule == (
            "on a test batch it is not a norm followed by the modules that it holds, and anything "
            "else it does, such as an activation, would be lost"
        )
        assert error.remedy.endswith("or let its class hold what follows the norm as a module")

    found = replace_norms(model, "group", keep=keep)

    assert isinstance(found[1], nn.GroupNorm)
    assert type(found[2]) is kind


def test_a_norm_with_its_activation_made_a_module_is_replaced_as_the_error_advises():
    class InPlaceABN(nn.BatchNorm2d):
        def __init__(self, features):
            super().__init__(features)
            self.act = nn.LeakyReLU(0.01)

        def forward(self, x):
            return self.act(super().forward(x))

    model = nn.Sequential(nn.Conv2d(3, 8, 3), InPlaceABN(8))
    also, _, _ = advised(model)
    assert isinstance(replace_norms(model, "rms", also=also)[1].act, nn.LeakyReLU)


class T5LayerNorm(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(features))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6))


class GemmaRMSNorm(T5LayerNorm):
    def forward(self, x):
        return (1 + self.weight) * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6))


class ScaleNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        return self.g * x / x.norm(dim=-1, keepdim=True).clamp(min=1e-5)


class SwitchNorm2d(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1, features, 1, 1))
        self.mean_weight = nn.Parameter(torch.ones(3))

    def forward(self, x):
        share = self.mean_weight.softmax(0)
        dims = ((2, 3), (1, 2, 3), (0, 2, 3))
        mean = sum(w * x.mean(d, True) for w, d in zip(share, dims, strict=True))
        var = sum(w * x.var(d, keepdim=True) for w, d in zip(share, dims, strict=True))
        return self.weight * (x - mean) * (var + 1e-5).rsqrt()


class BatchRenorm2d(nn.BatchNorm2d):
    def forward(self, x):
        mean, var = x.mean((0, 2, 3), True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        running = (self.running_var[:, None, None] + self.eps).sqrt()
        r = ((var + self.eps).sqrt() / running).clamp(1 / 3, 3)
        y = (x - mean) / (var + self.eps).sqrt() * r
        return y * self.weight[:, None, None] + self.bias[:, None, None]


class LayerNormalization(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.rand(features)) for _ in range(2))

    def forward(self, x):
        return nn.functional.layer_norm(x, (len(self.weight),), self.weight, self.bias)


PURE = {
    "t5": (T5LayerNorm(8), "last", ("weight",)),
    "gemma": (GemmaRMSNorm(8), "last", ()),
    "scale": (ScaleNorm(), "last", ()),
    "switch": (SwitchNorm2d(8), "first", ("weight",)),
    "renorm": (BatchRenorm2d(8), "first", ("weight", "bias")),
    "normalization": (LayerNormalization(8), "last", ("weight", "bias")),
    "one feature": (nn.Sequential(LayerNormAct2d(1))[0], "first", ("weight", "bias", "act")),
    "many features": (BatchNormAct2d(1031), "first", ("weight", "bias", "drop", "act")),
    "half": (T5LayerNorm(8).bfloat16(), "last", ("weight",)),
}


@pytest.mark.parametrize("which", PURE)
def test_a_norm_of_any_name_is_asked_about_and_its_scale_kept_where_it_is_one(which):
    norm, axis, kept = PURE[which]
    model, places = nn.Sequential(nn.Linear(3, 8), norm), []
    if axis == "first":
        model[0] = nn.Conv2d(3, 8, 3)
    also, _, _ = advised(model)
    assert also == {type(norm): axis}
    example = None if which != "scale" else torch.zeros(2, 3)

    replace_norms(model, "layer", also=also, example=example, report=places.append)

    assert places[0].kept == tuple(
        name for name in kept if name in ("drop", "act") or getattr(norm, name).ndim == 1
    )


class Normalize(nn.Module):
    def forward(self, x):
        return nn.functional.normalize(x, dim=-1)


class Normalization(nn.Module):
    """Of images, as in the tutorial on style transfer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3, 1, 1))

    def forward(self, x):
        return x - self.mean


class NormalDistribution(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(8))


class WeightNormLinear(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x, nn.functional.normalize(self.weight))


class LinearNorm(nn.Module):
    """As in Tacotron: a linear layer with weights of a certain norm at first."""

    def __init__(self):
        super().__init__()
        self.linear_layer = nn.Linear(8, 8)


class Enormous(nn.Module):
    pass


@pytest.mark.parametrize(
    "module",
    [
        Normalize(),
        Normalization(),
        NormalDistribution(),
        WeightNormLinear(8, 8),
        LinearNorm(),
        Enormous(),
        nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)),
        nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8)),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_only_has_norm_in_its_name_is_not_asked_about(module):
    model = nn.ModuleList([nn.BatchNorm2d(8), module])

    found = replace_norms(model, "group")

    assert isinstance(found[0], nn.GroupNorm)
    assert type(found[1]).__name__ == type(module).__name__


class AdaLayerNormZero(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 16), nn.LayerNorm(8, elementwise_affine=False)

    def forward(self, x, condition):
        shift, scale = self.linear(condition)[:, None].chunk(2, -1)
        return self.norm(x) * (1 + scale) + shift


class IBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.IN, self.BN = nn.InstanceNorm2d(4, affine=True), nn.BatchNorm2d(4)

    def forward(self, x):
        first, second = x.chunk(2, 1)
        return torch.cat([self.IN(first), self.BN(second)], 1)


class ConditionalBatchNorm2d(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn, self.embed = nn.BatchNorm2d(8, affine=False), nn.Embedding(3, 8)

    def forward(self, x, which):
        return self.bn(x) * self.embed(which)[:, :, None, None]


class NormConv2d(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 1), nn.GroupNorm(2, 8)

    def forward(self, x):
        return self.norm(self.conv(x))


COMPOSED = {
    "adaptive": (AdaLayerNormZero, (torch.randn(2, 5, 8), torch.randn(2, 4)), 1),
    "ibn": (IBN, (torch.randn(2, 8, 5, 5),), 2),
    "conditional": (ConditionalBatchNorm2d, (torch.randn(3, 8, 5, 5), torch.arange(3)), 1),
    "convolution": (NormConv2d, (torch.randn(2, 8, 5, 5),), 1),
}


@pytest.mark.parametrize("which", COMPOSED)
def test_a_module_that_normalises_by_a_norm_has_that_one_replaced(which):
    made, example, norms = COMPOSED[which]
    model, places = made(), []

    found = replace_norms(model, "rms", example=example, report=places.append)

    assert type(found) is made
    assert [place.new.count("RMSNorm") for place in places] == [1] * norms
    assert found(*example).shape == model(*example).shape


class CCBN(nn.Module):
    """As in BigGAN: a batch norm by function, its scale from a linear layer."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Linear(4, 8)

    def forward(self, x, condition):
        y = nn.functional.batch_norm(x, None, None, training=True)
        return y * (1 + self.gain(condition))[:, :, None, None]


class Attention(nn.Module):
    """As in nanoGPT's faster descendants: queries and keys are normalised by function."""

    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        query, key = (nn.functional.rms_norm(part(x), (8,)) for part in (self.query, self.key))
        return (query @ key.mT).softmax(-1) @ x


class Modulated(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        return torch.instance_norm(self.mix(x), None, None, None, None, True, 0.1, 1e-5, False)


class Around(nn.Module):
    def __init__(self, part):
        super().__init__()
        self.norm, self.part = nn.GroupNorm(2, 8), part

    def forward(self, x, *others):
        return self.part(self.norm(x.mT).mT if x.dim() == 3 else self.norm(x), *others)


CALLERS = {
    "batch_norm": (CCBN(), (torch.randn(4, 8, 5, 5), torch.randn(4, 4))),
    "rms_norm": (Attention(), (torch.randn(2, 5, 8),)),
    "instance_norm": (Modulated(), (torch.randn(2, 8, 5, 5),)),
}


@pytest.mark.parametrize("function", CALLERS)
def test_a_norm_that_is_called_as_a_function_is_asked_about(function):
    part, example = CALLERS[function]
    model, kind = Around(part), type(part)

    _, keep, error = advised(model, example=example)

    assert error.value == f"the module 'part' of type {kind.__name__}"
    assert error.rule == f"its forward calls {function}, which would go on normalising"
    assert keep == [kind]
    found = replace_norms(model, "layer", example=example, keep=keep)
    assert type(found.part) is kind
    assert type(found.norm) is not type(model.norm) or found.norm.num_groups == 1
    found(*example)


def test_a_function_beside_norms_that_are_replaced_is_reported():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return nn.functional.layer_norm(self.norm(x), x.shape[1:])

    model, places = nn.Sequential(Both()), []

    replace_norms(model, "group", example=torch.randn(2, 8, 5, 5), report=places.append)

    assert [str(place) for place in places] == [
        "0: unchanged: its forward calls layer_norm, which still normalises",
        "0.norm: BatchNorm2d -> GroupNorm, keeping weight, bias",
    ]


def test_one_norm_with_an_activation_in_two_places_is_still_one():
    norm = BatchNormAct2d(8)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), norm, nn.Conv2d(8, 8, 1), norm)

    found = replace_norms(model, "layer", also={BatchNormAct2d: "first"}, example=IMAGES)

    assert found[1] is found[3]
    assert found[1].act is not norm.act


def test_an_activation_that_two_norms_share_is_still_one():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), BatchNormAct2d(8, nn.PReLU), BatchNormAct2d(8))
    model[2].act = model[1].act

    found = replace_norms(model, "layer", also={BatchNormAct2d: "first"}, example=IMAGES)

    assert found[1].act is found[2].act is not model[1].act


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        (
            nn.Sequential(nn.Conv2d(3, 8, 3), GroupNormAct(8)),
            (
                "give --also GroupNormAct=first to replace it, with its act after the new norm, or "
                "--keep GroupNormAct to leave it"
            ),
        ),
        (
            nn.Sequential(nn.Conv2d(3, 8, 3), InPlaceABN(8)),
            (
                "give --keep InPlaceABN to leave it, or let its class hold what follows the "
                "norm as a module"
            ),
        ),
        (nn.Sequential(nn.Conv2d(3, 8, 3)), "give --insert to put norms behind its layers"),
    ],
)
def test_the_command_line_is_advised_in_its_options(model, remedy):
    with pytest.raises(UsageError) as refused:
        replaced(model, "group", {}, False, None, {}, (), None, ON_COMMAND_LINE)

    assert refused.value.remedy == remedy


def test_hooks_of_the_users_own_do_not_see_the_trial():
    seen, model = [], nn.Sequential(nn.Conv2d(3, 8, 3), BatchNormAct2d(8))
    for module in model.modules():
        module.register_forward_hook(lambda module, *_: seen.append(module))

    replace_norms(model, "layer", also={BatchNormAct2d: "first"})

    assert seen == []
