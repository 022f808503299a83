"""The distribution of a layer's inputs: moments, histogram, and distances between steps.

A *feature* is what a norm treats as one unit: a channel of a convolution, a column of a matrix.
Every function takes samples of shape (n, features); :func:`by_feature` brings a batch there.
"""

import torch
from jaxtyping import Float
from torch import Tensor

# Bins narrower than this share of the values would have edges that float64 rounds together.
_RESOLVED = 1e-14


def by_feature(activations: Float[Tensor, "batch features *space"]) -> Float[Tensor, "n features"]:
    """Samples of each feature over the batch and, in a convolution, over space."""
    return activations.detach().transpose(0, 1).flatten(1).T


def moments(
    samples: Float[Tensor, "n features"],
) -> tuple[Float[Tensor, " features"], Float[Tensor, " features"]]:
    """Mean and (biased) variance of each feature, in float64 where there is one."""
    wide = samples if samples.device.type == "mps" else samples.double()
    return wide.mean(0), wide.var(0, correction=0)


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
    return (before.sort(0).values - after.sort(0).values).abs().double().mean(0)


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
