"""The models' shapes: which layers, in which order, and where the norm stands."""

import itertools

import pytest
import torch
from tests.tolerances import EXACT64
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.models.dln import DLN
from landscope.models.mlp import MLP
from landscope.models.table import build
from landscope.models.vgg import VGG, VGG_CONFIGS
from landscope.norms.table import NORMS, builder

# Simonyan & Zisserman 2014, table 1, columns A and D: convolutions between the five max pools.
PUBLISHED = {
    "vgg-11": [[64], [128], [256, 256], [512, 512], [512, 512]],
    "vgg-16": [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3],
}
INPUTS = {
    "vgg-small": (2, 1, 28, 28),
    "vgg-medium": (2, 3, 32, 32),
    "vgg-11": (2, 3, 32, 32),
    "vgg-16": (2, 3, 32, 32),
    "dln": (2, 10),
    "mlp": (2, 1, 28, 28),
}
# Every norm, but in the largest model, which is VGG-11 with more layers, only one.
RUNS = [(model, norm) for model in INPUTS for norm in NORMS if model != "vgg-16" or norm == "batch"]


def weight_bearing(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


@pytest.mark.parametrize("name", PUBLISHED)
def test_vgg_has_the_published_convolutions(name) -> None:
    blocks: list[list[int]] = [[]]
    for module in build(name).features:
        if isinstance(module, nn.Conv2d):
            assert module.kernel_size == (3, 3)
            blocks[-1].append(module.out_channels)
        elif isinstance(module, nn.MaxPool2d):
            blocks.append([])
    assert blocks == [*PUBLISHED[name], []]
    assert len(weight_bearing(build(name))) == int(name.removeprefix("vgg-"))


def test_vgg_small_has_the_layers_of_its_configuration() -> None:
    model = build("vgg-small", norm="batch")
    names = [name for name, _ in model.features.named_children()]
    assert names[:8] == ["conv1", "norm1", "relu1", "pool1", "conv2", "norm2", "relu2", "pool2"]
    assert names[-3:] == ["conv6", "norm6", "relu6"]
    assert [name for name, _ in model.classifier.named_children()] == ["fc1"]
    assert model.features(torch.zeros(2, 1, 28, 28)).shape == (2, 64, 3, 3)


def test_a_vggs_norm_stands_before_every_relu_and_never_last() -> None:
    model = build("vgg-16", norm="batch")
    sequence = [*model.features, *model.classifier]
    assert sum(isinstance(module, nn.ReLU) for module in sequence) == 15
    for before, after in itertools.pairwise(sequence):
        assert isinstance(after, nn.ReLU) == isinstance(before, nn.BatchNorm1d | nn.BatchNorm2d)
    assert list(dict(model.classifier.named_children())) == [
        "fc1", "norm1", "relu1", "fc2", "norm2", "relu2", "fc3",
    ]  # fmt: skip


def test_a_larger_image_is_averaged_over_the_positions_left() -> None:
    model = build("vgg-11").eval()
    images = torch.randn(2, 3, 64, 64)
    pooled = model.features(images).mean((2, 3))
    assert torch.allclose(model(images), model.classifier(pooled))


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_every_layer_of_a_vgg_keeps_its_bias(norm) -> None:
    assert all(layer.bias is not None for layer in weight_bearing(build("vgg-small", norm=norm)))


def test_a_deep_linear_network_is_the_product_of_its_matrices() -> None:
    model = DLN(width=6, depth=5, seed=1).double()
    inputs = torch.randn(9, 6, dtype=torch.float64)
    product = torch.eye(6, dtype=torch.float64)
    for number in range(1, 6):
        product = getattr(model.layers, f"fc{number}").weight @ product
    EXACT64.check(model(inputs).detach(), (inputs @ product.T).detach())


def test_a_deep_linear_networks_norms_stand_between_its_matrices() -> None:
    names = [name for name, _ in build("dln-3", norm="batch").layers.named_children()]
    assert names == ["fc1", "norm1", "fc2", "norm2", "fc3"]
    assert [layer.bias for layer in weight_bearing(build("dln", norm="batch"))] == [None] * 25


def test_a_perceptron_has_the_widths_given() -> None:
    model = MLP((4, 7, 3), norm=builder("layer"))
    assert list(dict(model.layers.named_children())) == ["fc1", "norm1", "relu1", "fc2"]
    assert [layer.weight.shape for layer in weight_bearing(model)] == [(7, 4), (3, 7)]
    assert model(torch.randn(5, 2, 2)).shape == (5, 3)


@pytest.mark.parametrize(("model", "norm"), RUNS)
def test_a_model_is_a_function_of_its_parameters(model, norm) -> None:
    """It runs forward and backward, as itself and with other tensors in its place."""
    if norm == "instance" and model not in ("vgg-small", "vgg-medium"):
        with pytest.raises(UsageError, match="after a linear layer of"):
            build(model, norm=norm)
        return
    inputs = torch.randn(INPUTS[model])
    network = build(model, norm=norm)
    own = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    called = torch.func.functional_call(network, own, (inputs,))
    torch.set_rng_state(state)
    outputs = network(inputs)
    assert torch.equal(outputs, called)
    assert outputs.shape == (2, 10)
    outputs.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("norm", ["none", "batch", "l2", "noisy-batch"])
def test_torch_func_takes_the_gradient_of_a_model(norm) -> None:
    network = build("vgg-small", norm=norm)
    images = torch.randn(INPUTS["vgg-small"])
    parameters = dict(network.named_parameters())
    buffers = {name: value.clone() for name, value in network.named_buffers()}

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(network, (parameters, buffers), (images,)).square().sum()

    state = torch.get_rng_state()
    gradients = torch.func.grad(loss)(parameters, buffers)
    torch.set_rng_state(state)
    network(images).square().sum().backward()
    assert all(torch.equal(gradients[name], p.grad) for name, p in parameters.items())


@pytest.mark.parametrize("shape", [(2, 3, 16, 32), (2, 1, 32, 32), (2, 3, 28, 28)])
def test_images_that_do_not_fit_are_refused(shape) -> None:
    with pytest.raises(UsageError, match=r"images of shape .* 3 channels of at least 32 x 32"):
        build("vgg-16")(torch.zeros(shape))


def test_the_smallest_image_fits() -> None:
    side = VGG_CONFIGS["vgg-small"].smallest_side
    assert VGG(VGG_CONFIGS["vgg-small"])(torch.zeros(1, 1, side, side)).shape == (1, 10)


def test_numbers_below_1_are_refused() -> None:
    with pytest.raises(UsageError, match="of width 0 and depth 25: both are at least 1"):
        DLN(width=0)
    with pytest.raises(UsageError, match=r"widths = \[4\]: .* each at least 1; give widths"):
        MLP([4])
    with pytest.raises(UsageError, match=r"widths = \[4, 0, 2\]"):
        MLP([4, 0, 2])
    with pytest.raises(UsageError, match="classes = 0: a VGG has at least 1; give"):
        VGG(VGG_CONFIGS["vgg-small"], classes=0)
    with pytest.raises(UsageError, match="in_channels = 0: a VGG has at least 1; give"):
        VGG(VGG_CONFIGS["vgg-small"], in_channels=0)
