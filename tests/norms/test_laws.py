"""Laws that the norms must keep, whatever their formula: invariances and coincidences."""

import pytest
import torch
from tests.tolerances import EXACT64
from torch.nn import functional

from landscope.norms.table import build

# Above 1 by so much that eps changes nothing at the tolerance.
LARGE = 1e8


def outputs_of_layer(name: str, weight: torch.Tensor, offset: torch.Tensor | None = None):
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(16, 5, dtype=torch.float64, generator=generator)
    return build(name, 7, 0).double()(functional.linear(inputs, weight, offset))


def outputs_of_convolution(name: str, weight: torch.Tensor):
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(4, 2, 6, 6, dtype=torch.float64, generator=generator)
    return build(name, 7, 2).double()(functional.conv2d(images, weight))


@pytest.mark.parametrize("name", ["batch", "l1", "l2", "linf", "layer", "rms"])
@pytest.mark.parametrize("scale", [0.25, 3.0, 1000.0])
def test_the_scale_of_the_weights_does_not_matter(name, scale) -> None:
    weight = LARGE * torch.randn(7, 5, dtype=torch.float64)
    expected = outputs_of_layer(name, weight)
    EXACT64.check(outputs_of_layer(name, scale * weight).detach(), expected.detach())


@pytest.mark.parametrize("name", ["batch", "l1", "l2", "linf", "layer", "group", "instance", "rms"])
def test_the_scale_of_a_kernel_does_not_matter(name) -> None:
    weight = LARGE * torch.randn(7, 2, 3, 3, dtype=torch.float64)
    expected = outputs_of_convolution(name, weight)
    EXACT64.check(outputs_of_convolution(name, 3.0 * weight).detach(), expected.detach())


@pytest.mark.parametrize("name", ["batch", "l1", "l2", "linf", "instance"])
def test_the_scale_of_one_units_weights_does_not_matter(name) -> None:
    weight = LARGE * torch.randn(7, 2, 3, 3, dtype=torch.float64)
    scaled = weight * torch.linspace(1, 3, 7, dtype=torch.float64).view(-1, 1, 1, 1)
    expected = outputs_of_convolution(name, weight)
    EXACT64.check(outputs_of_convolution(name, scaled).detach(), expected.detach())


def test_a_gradient_is_orthogonal_to_scale_invariant_weights() -> None:
    for name in ("batch", "l1", "l2", "linf"):
        weight = (LARGE * torch.randn(7, 5, dtype=torch.float64)).requires_grad_()
        target = torch.randn(16, 7, dtype=torch.float64)
        (outputs_of_layer(name, weight) * target).sum().backward()
        along = (weight * weight.grad).sum(1)
        lengths = weight.norm(dim=1) * weight.grad.norm(dim=1)
        EXACT64.check((1 + along / lengths).detach(), torch.ones(7, dtype=torch.float64))


def test_a_shift_does_not_matter_to_batch_norm() -> None:
    weight = torch.randn(7, 5, dtype=torch.float64)
    offset = 10 * torch.randn(7, dtype=torch.float64)
    expected = outputs_of_layer("batch", weight).detach()
    EXACT64.check(outputs_of_layer("batch", weight, offset).detach(), expected)


@pytest.mark.parametrize("name", ["l1", "l2", "linf"])
def test_a_shift_matters_to_lp_norms_as_their_scale_is_of_the_unshifted_values(name) -> None:
    weight = torch.randn(7, 5, dtype=torch.float64)
    offset = torch.full((7,), 10.0, dtype=torch.float64)
    plain, shifted = outputs_of_layer(name, weight), outputs_of_layer(name, weight, offset)
    # Centred either way, but divided by about 10 more.
    assert (shifted.abs().sum(0) < plain.abs().sum(0)).all()


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_instance_norm_is_group_norm_with_a_group_for_each_channel(spatial) -> None:
    inputs = torch.randn(3, 6, *(4,) * spatial, dtype=torch.float64)
    instance = build("instance", 6, spatial).double()
    group = build("group", 6, spatial, groups=6).double()
    EXACT64.check(instance(inputs).detach(), group(inputs).detach())


@pytest.mark.parametrize("spatial", [0, 1, 2, 3])
def test_layer_norm_is_group_norm_with_one_group(spatial) -> None:
    inputs = torch.randn(3, 6, *(4,) * spatial, dtype=torch.float64)
    layer = build("layer", 6, spatial).double()
    group = build("group", 6, spatial, groups=1).double()
    EXACT64.check(layer(inputs).detach(), group(inputs).detach())


def test_l2_norm_is_batch_norm_where_the_mean_is_0() -> None:
    inputs = LARGE * torch.randn(8, 3, dtype=torch.float64)
    inputs -= inputs.mean(0)
    l2, batch = build("l2", 3, 0).double(), build("batch", 3, 0).double()
    EXACT64.check(l2(inputs).detach(), batch(inputs).detach())


def test_noisy_batch_norm_without_width_is_batch_norm() -> None:
    inputs = torch.randn(8, 3, 4, 4, dtype=torch.float64)
    noisy = build("noisy-batch", 3, 2, n_mu=0.0, n_sigma=1.0, r_mu=0.0, r_sigma=0.0).double()
    assert torch.equal(noisy(inputs), build("batch", 3, 2).double()(inputs))
