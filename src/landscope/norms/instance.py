r"""Instance normalisation: each channel of each sample is whitened over the space.

.. math:: z = \gamma \frac{y - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

with :math:`\mu` and :math:`\sigma^2` the mean and the variance over the space, for each sample
and channel; :math:`\gamma` and :math:`\beta` are for each channel. There are no running
statistics: training and evaluation mode are the same. Without space there is nothing to average
over, so there is no such norm.

Source: Ulyanov, Vedaldi & Lempitsky 2016, arXiv 1607.08022.
"""

from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.norms.eps import EPS, check_eps
from landscope.norms.value_count import check_space_values


class InstanceNorm1d(nn.InstanceNorm1d):
    """PyTorch's, which says what to do about maps of one position."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, length).

        Raises:
            UsageError: Where the length is 1.
        """
        check_space_values(input)
        return super().forward(input)


class InstanceNorm2d(nn.InstanceNorm2d):
    """PyTorch's, which says what to do about maps of one position."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, height, width).

        Raises:
            UsageError: Where the height and the width are 1.
        """
        check_space_values(input)
        return super().forward(input)


class InstanceNorm3d(nn.InstanceNorm3d):
    """PyTorch's, which says what to do about maps of one position."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, depth, height, width).

        Raises:
            UsageError: Where depth, height and width are 1.
        """
        check_space_values(input)
        return super().forward(input)


InstanceNorm = InstanceNorm1d | InstanceNorm2d | InstanceNorm3d

_OF_SPATIAL: tuple[type[InstanceNorm], ...] = (InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)


def instance(features: int, spatial: int, *, eps: float = EPS) -> InstanceNorm:
    """Instance norm with scale 1 and shift 0.

    Args:
        features: Number of channels.
        spatial: Number of spatial dimensions, 1 to 3.
        eps: Added to the variance.

    Raises:
        UsageError: Without spatial dimensions, or where ``eps`` is not positive.
    """
    check_eps(eps)
    if spatial == 0:
        raise UsageError(
            f"instance norm after a linear layer of {features} features",
            "instance norm averages over the space, and there is none",
            "use layer norm there, or a model whose norms follow convolutions",
        )
    return _OF_SPATIAL[spatial - 1](features, eps=eps, affine=True, track_running_stats=False)
