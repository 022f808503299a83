r"""Batch normalisation: each feature is whitened over the batch and the space.

.. math:: z = \gamma \frac{y - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

with :math:`\mu` and :math:`\sigma^2` the mean and the (biased) variance over the batch and the
space in training mode, and their running estimates in evaluation mode. These are PyTorch's own
modules, with one refusal reworded; the running variance is, as theirs, of the unbiased one.

Source: Ioffe & Szegedy 2015, arXiv 1502.03167. ``eps`` and ``stats_decay`` are left open by
Santurkar et al. 2018; see :mod:`landscope.norms.eps` and :mod:`landscope.norms.stats_decay`.
"""

from torch import Tensor, nn

from landscope.norms.eps import EPS, check_eps
from landscope.norms.stats_decay import STATS_DECAY, check_stats_decay, momentum_of
from landscope.norms.value_count import check_batch_values


class BatchNorm1d(nn.BatchNorm1d):
    """PyTorch's, which says what to do about a batch of one."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features) or (batch, features, length).

        Raises:
            UsageError: In training mode, where each feature has a single value.
        """
        if self.training:
            check_batch_values(input)
        return super().forward(input)


class BatchNorm2d(nn.BatchNorm2d):
    """PyTorch's, which says what to do about a batch of one."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, height, width).

        Raises:
            UsageError: In training mode, where each feature has a single value.
        """
        if self.training:
            check_batch_values(input)
        return super().forward(input)


class BatchNorm3d(nn.BatchNorm3d):
    """PyTorch's, which says what to do about a batch of one."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, depth, height, width).

        Raises:
            UsageError: In training mode, where each feature has a single value.
        """
        if self.training:
            check_batch_values(input)
        return super().forward(input)


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
