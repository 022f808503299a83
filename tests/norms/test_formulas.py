"""Each norm against its formula written out in numpy."""

import numpy as np
import pytest
import torch
from tests.reference import norms as reference
from tests.tolerances import EXACT64
from torch import Tensor, nn

from landscope.norms.table import NORMS, build

EPS = 1e-5
WITHOUT_NOISE = [name for name in NORMS if name not in ("noise", "noisy-batch")]
CASES = [
    (name, spatial)
    for name in WITHOUT_NOISE
    for spatial in (0, 1, 2, 3)
    if (name, spatial) != ("instance", 0)
]


def inputs_of(spatial: int, features: int = 8) -> Tensor:
    return 0.7 + 3 * torch.randn(6, features, *(3,) * spatial, dtype=torch.float64)


def with_random_parameters(norm: nn.Module) -> nn.Module:
    for parameter in norm.parameters():
        nn.init.normal_(parameter, mean=1)
    return norm


@pytest.mark.parametrize(("name", "spatial"), CASES)
def test_training_mode_is_the_formula(name, spatial) -> None:
    norm = with_random_parameters(build(name, 8, spatial).double())
    inputs = inputs_of(spatial)
    own = {k: p.detach().numpy() for k, p in norm.named_parameters()}
    gain, shift = own.get("weight", np.ones(8)), own.get("bias", np.zeros(8))
    if name == "group":
        # The default leaves at least 2 channels to a group, and 4 where there is no space.
        expected = reference.group(inputs.numpy(), gain, shift, EPS, groups=4 if spatial else 2)
    else:
        expected = getattr(reference, name)(inputs.numpy(), gain, shift, EPS)
    EXACT64.check(norm(inputs).detach(), expected)


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_learned_scales_start_at_1_and_shifts_at_0(name) -> None:
    start = {key: value.unique().tolist() for key, value in build(name, 8, 2).named_parameters()}
    expected = {"none": {}, "rms": {"weight": [1.0]}}
    assert start == expected.get(name, {"weight": [1.0], "bias": [0.0]})


@pytest.mark.parametrize(("name", "p"), [("l1", 1), ("l2", 2), ("linf", np.inf)])
@pytest.mark.parametrize("stats_decay", [0.0, 0.75])
def test_lp_running_statistics_decay_as_defined(name, p, stats_decay) -> None:
    norm = build(name, 3, 2, stats_decay=stats_decay).double()
    running_mean, running_scale = np.zeros(3), np.ones(3)
    for _ in range(3):
        inputs = inputs_of(2, features=3)
        norm(inputs)
        y = np.abs(inputs.numpy()).transpose(1, 0, 2, 3).reshape(3, -1)
        scale = y.max(axis=1) if p == np.inf else (y**p).mean(axis=1) ** (1 / p)
        mean = inputs.numpy().mean(axis=(0, 2, 3))
        running_mean = stats_decay * running_mean + (1 - stats_decay) * mean
        running_scale = stats_decay * running_scale + (1 - stats_decay) * scale
    EXACT64.check(norm.running_mean, running_mean)
    EXACT64.check(norm.running_scale, running_scale)
    inputs = inputs_of(2, features=3)
    of_feature = (1, 3, 1, 1)
    expected = (inputs.numpy() - running_mean.reshape(of_feature)) / (
        running_scale.reshape(of_feature) + EPS
    )
    EXACT64.check(norm.eval()(inputs).detach(), expected)


def test_batch_running_statistics_decay_as_defined() -> None:
    norm = build("batch", 3, 2, stats_decay=0.75).double()
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(3):
        inputs = inputs_of(2, features=3)
        norm(inputs)
        mean = 0.75 * mean + 0.25 * inputs.numpy().mean(axis=(0, 2, 3))
        variance = 0.75 * variance + 0.25 * inputs.numpy().var(axis=(0, 2, 3), ddof=1)
    EXACT64.check(norm.running_mean, mean)
    EXACT64.check(norm.running_var, variance)


@pytest.mark.parametrize(
    ("spatial", "kind"),
    [(0, nn.BatchNorm1d), (1, nn.BatchNorm1d), (2, nn.BatchNorm2d), (3, nn.BatchNorm3d)],
)
def test_batch_norm_is_pytorchs_own(spatial, kind) -> None:
    norm = build("batch", 4, spatial)
    assert isinstance(norm, kind)
    own = kind(4, momentum=1 - 0.9)
    inputs = inputs_of(spatial, features=4).float()
    assert torch.equal(norm(inputs), own(inputs))
    assert torch.equal(norm.eval()(inputs), own.eval()(inputs))


@pytest.mark.parametrize("name", ["l1", "l2", "linf", "batch"])
def test_a_feature_that_is_always_0_has_finite_gradients(name) -> None:
    norm = build(name, 2, 2)
    inputs = torch.randn(4, 2, 3, 3)
    inputs[:, 0] = 0
    inputs.requires_grad_()
    (norm(inputs) * torch.randn(4, 2, 3, 3)).sum().backward()
    assert inputs.grad.isfinite().all()


@pytest.mark.parametrize(
    ("features", "spatial", "groups"),
    [
        (64, 2, 32),
        (48, 2, 24),
        (8, 2, 4),
        (7, 2, 1),
        (1, 2, 1),
        (128, 0, 32),
        (10, 0, 2),
        (6, 0, 1),
    ],
)
def test_default_groups(features, spatial, groups) -> None:
    assert build("group", features, spatial).num_groups == groups
