r"""Lp normalisation, for p of 1, 2 and infinity: the spread is a mean p-th power, not a variance.

.. math:: z = \gamma \frac{y - \mathrm{mean}(y)}{s_p + \epsilon} + \beta, \qquad
          s_p = \mathrm{mean}(|y|^p)^{1/p}

so :math:`s_1 = \mathrm{mean}(|y|)`, :math:`s_2 = \sqrt{\mathrm{mean}(y^2)}` and
:math:`s_\infty = \max |y|`. mean and :math:`s_p` are over the batch and the space for each feature
in training mode, and their running estimates in evaluation mode. :math:`s_p` is of :math:`y`
itself, *before* the mean is taken off; so, unlike batch norm, the outputs do not have a fixed
spread, and the norm is invariant to the scale of :math:`y` (up to eps) but not to its shift.

Source: Santurkar et al. 2018, arXiv 1805.11604, section 3.3, in words ("the average of their
p-norm"); how "average" reads for p of 2 and infinity is inferred. ``eps`` is added to the scale
for all p; the paper does not state it.
"""

import math
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscope.norms.statistics import (
    EPS,
    STATS_DECAY,
    check_batch_values,
    check_eps,
    check_stats_decay,
)


class LpNorm(nn.Module):
    """What L1, L2 and L-infinity norm share: everything but p.

    Args:
        features: Number of features (units, or channels).
        stats_decay: Weight of the old running statistic at each step, in [0, 1).
        eps: Added to the scale.

    Raises:
        UsageError: On constants outside these ranges.
    """

    p: ClassVar[float]
    running_mean: Tensor
    running_scale: Tensor

    def __init__(
        self, features: int, *, stats_decay: float = STATS_DECAY, eps: float = EPS
    ) -> None:
        super().__init__()
        check_stats_decay(stats_decay)
        check_eps(eps)
        self.features = features
        self.stats_decay = stats_decay
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_scale", torch.ones(features))

    def forward(
        self, inputs: Float[Tensor, "batch features *space"]
    ) -> Float[Tensor, "batch features *space"]:
        """Normalise each feature over the batch and the space.

        Raises:
            UsageError: In training mode, where each feature has a single value.
        """
        if self.training:
            check_batch_values(inputs)
            mean, scale = _batch_mean_and_scale(inputs, self.p)
            self._follow(mean, scale)
        else:
            mean, scale = self.running_mean, self.running_scale
        of_feature = (-1, *(1,) * (inputs.dim() - 2))
        gain = (self.weight / (scale + self.eps)).view(of_feature)
        return gain * (inputs - mean.view(of_feature)) + self.bias.view(of_feature)

    @torch.no_grad()
    def _follow(self, mean: Tensor, scale: Tensor) -> None:
        """Move the running statistics towards the batch's, in place as PyTorch's batch norm."""
        self.running_mean.mul_(self.stats_decay).add_(mean, alpha=1 - self.stats_decay)
        self.running_scale.mul_(self.stats_decay).add_(scale, alpha=1 - self.stats_decay)

    def extra_repr(self) -> str:
        """The constants, for ``print(model)``."""
        return f"{self.features}, stats_decay={self.stats_decay}, eps={self.eps}"


class L1Norm(LpNorm):
    """Features are scaled by the mean absolute value of the batch."""

    p: ClassVar[float] = 1.0


class L2Norm(LpNorm):
    """Features are scaled by the root mean square of the batch."""

    p: ClassVar[float] = 2.0


class LinfNorm(LpNorm):
    """Features are scaled by the largest absolute value of the batch."""

    p: ClassVar[float] = math.inf


def _build(
    kind: type[LpNorm],
    features: int,
    spatial: int,  # noqa: ARG001  a row of the table; the module takes any
    *,
    stats_decay: float = STATS_DECAY,
    eps: float = EPS,
) -> LpNorm:
    return kind(features, stats_decay=stats_decay, eps=eps)


l1, l2, linf = partial(_build, L1Norm), partial(_build, L2Norm), partial(_build, LinfNorm)


def _batch_mean_and_scale(
    inputs: Float[Tensor, "batch features *space"], p: float
) -> tuple[Float[Tensor, " features"], Float[Tensor, " features"]]:
    over = [0, *range(2, inputs.dim())]
    count = inputs.shape[0] * inputs.shape[2:].numel()
    # The norm's own gradient at 0 is 0, where that of a written-out square root is NaN.
    norm = torch.linalg.vector_norm(inputs, ord=p, dim=over)
    return inputs.mean(dim=over), norm / count ** (1 / p)
