r"""Batch normalisation: each feature is whitened over the batch and the space.

.. math:: z = \gamma \frac{y - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

with :math:`\mu` and :math:`\sigma^2` the mean and the (biased) variance over the batch and the
space in training mode, and their running estimates in evaluation mode. These are PyTorch's own
modules, with one refusal reworded; the running variance is, as theirs, of the unbiased one.

Source: Ioffe & Szegedy 2015, arXiv 1502.03167. ``eps`` and ``stats_decay`` are left open by
Santurkar et al. 2018; see :mod:`landscope.norms.statistics`.
"""

from torch import Tensor, nn

from landscope.norms.statistics import (
    EPS,
    STATS_DECAY,
    check_batch_values,
    check_eps,
    check_stats_decay,
    momentum_of,
)


class _NeedsTwoValues(nn.Module):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, *space).

        Raises:
            UsageError: In training mode, where each feature has a single value.
        """
        if self.training:
            check_batch_values(input)
        return super().forward(input)


class BatchNorm1d(_NeedsTwoValues, nn.BatchNorm1d):
    """PyTorch's, with a remedy in the error for a batch of one."""


class BatchNorm2d(_NeedsTwoValues, nn.BatchNorm2d):
    """PyTorch's, with a remedy in the error for a batch of one."""


class BatchNorm3d(_NeedsTwoValues, nn.BatchNorm3d):
    """PyTorch's, with a remedy in the error for a batch of one."""


BatchNorm = BatchNorm1d | BatchNorm2d | BatchNorm3d

_OF_SPATIAL: tuple[type[BatchNorm], ...] = (BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d)


def batch(
    features: int, spatial: int, *, stats_decay: float = STATS_DECAY, eps: float = EPS
) -> BatchNorm:
    """Batch norm with scale 1 and shift 0.

    Args:
        features: Number of features (units, or channels).
        spatial: Number of spatial dimensions, 0 to 3.
        stats_decay: Weight of the old running statistic at each step, in [0, 1).
        eps: Added to the variance.

    Raises:
        UsageError: On constants outside these ranges.
    """
    check_stats_decay(stats_decay)
    check_eps(eps)
    return _OF_SPATIAL[spatial](features, eps=eps, momentum=momentum_of(stats_decay))
