"""The distribution of a layer's inputs: moments, histogram, and distances between steps.

A *feature* is what a norm treats as one unit: a channel of a convolution, a column of a matrix.
Every function takes samples of shape (n, features); :func:`by_feature` brings a batch there.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

# Bins narrower than this share of the values would have edges that float64 rounds together.
_RESOLVED = 1e-14

# What works on the last dimension, whatever stands before it. A norm of channels does not.
_FEATURES_LAST = (
    nn.Linear,
    nn.Bilinear,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.RNNBase,
    nn.MultiheadAttention,
)


def feature_dimension(module: nn.Module) -> int:
    """Which dimension of a module's input holds its features: 1 of images, the last of tokens."""
    return -1 if isinstance(module, _FEATURES_LAST) else 1


def by_feature(
    activations: Float[Tensor, "batch *rest"], dimension: int = 1
) -> Float[Tensor, "n features"]:
    """Samples of each feature over all other dimensions: the batch, space, time.

    Args:
        activations: What flows between modules.
        dimension: Which dimension holds the features.
    """
    return activations.detach().transpose(0, dimension).flatten(1).T


@dataclass(frozen=True)
class Drift:
    """How far the distribution of a layer's inputs has moved, over its features.

    Args:
        mean_change: Root mean square of the change of the means.
        variance_change: Of the variances.
        mean_change_since_start: Of the means since another moment.
        variance_change_since_start: Of the variances since then.
        wasserstein: Mean Wasserstein-1 distance.
        wasserstein_relative: Mean of that over each feature's standard deviation. A feature that
            is constant, such as a dead ReLU, has no scale and is left out.
    """

    mean_change: float
    variance_change: float
    mean_change_since_start: float
    variance_change_since_start: float
    wasserstein: float
    wasserstein_relative: float


def drift(
    before: Float[Tensor, "n features"],
    after: Float[Tensor, "n features"],
    start: tuple[Float[Tensor, " features"], Float[Tensor, " features"]],
) -> Drift:
    """From one sample to another of equal size, and from the moments at the start to the first."""
    mean, variance = moments(before)
    next_mean, next_variance = moments(after)
    start_mean, start_variance = start
    distance = wasserstein(before, after)
    scale = torch.where(variance > 0, variance.sqrt(), float("nan"))
    numbers = torch.stack(
        [
            change(mean, next_mean),
            change(variance, next_variance),
            change(start_mean, mean),
            change(start_variance, variance),
            distance.mean(),
            (distance / scale).nanmean(),
        ]
    )
    return Drift(*numbers.tolist())


def moments(
    samples: Float[Tensor, "n features"],
) -> tuple[Float[Tensor, " features"], Float[Tensor, " features"]]:
    """Mean and (biased) variance of each feature, in float64 where there is one."""
    wide = samples if samples.device.type == "mps" else samples.double()
    mean = wide.mean(0)
    return mean, (wide - mean).square_().mean(0)  # ten times as fast as var on a CPU


def change(before: Float[Tensor, " features"], after: Float[Tensor, " features"]) -> Tensor:
    """Root mean square over the features of the change of one moment, a scalar."""
    return (after - before).square().mean().sqrt()


def wasserstein(
    before: Float[Tensor, "n features"], after: Float[Tensor, "n features"]
) -> Float[Tensor, " features"]:
    """Wasserstein-1 distance of each feature between two samples of equal size.

    Between empirical distributions of n points each it is the mean distance of the sorted points
    (Villani 2003, section 2.2), in the unit of the activations.
    """
    return (_in_order(before) - _in_order(after)).abs().double().mean(0)


def _in_order(samples: Float[Tensor, "n features"]) -> Float[Tensor, "n features"]:
    """Each feature's samples from the smallest on: numpy sorts ten times as fast on a CPU."""
    if samples.device.type != "cpu" or samples.dtype not in (torch.float32, torch.float64):
        return samples.sort(0).values
    return torch.from_numpy(np.sort(samples.detach().numpy(), axis=0))


def histogram(samples: Float[Tensor, " n"], bins: int) -> tuple[list[float], list[float]]:
    """Density and edges of a histogram over the finite range of one feature's samples.

    Returns:
        ``bins`` densities, whose integral is 1, and ``bins + 1`` edges. A feature that is
        constant, or too nearly so for its float64 values to tell the bins apart, gets a range of
        width 1, or wider where its value is large; one with no finite sample, NaN.
    """
    finite = samples[samples.isfinite()].double().cpu()
    if not finite.numel():
        return [float("nan")] * bins, [float("nan")] * (bins + 1)
    low, high = finite.min().item(), finite.max().item()
    size = max(abs(low), abs(high))
    if high - low <= _RESOLVED * bins * size:
        low, high = low - max(0.5, 1e-6 * size), high + max(0.5, 1e-6 * size)
    density, edges = torch.histogram(finite, bins, range=(low, high), density=True)
    return density.tolist(), edges.tolist()
