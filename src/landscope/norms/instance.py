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
from landscope.norms.statistics import EPS, check_eps


class _NeedsTwoPositions(nn.Module):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  PyTorch's name
        """Normalise (batch, features, *space).

        Raises:
            UsageError: The space has fewer than two positions: the spread would be 0.
        """
        if input.shape[2:].numel() < 2:
            raise UsageError(
                f"inputs of shape {tuple(input.shape)}",
                "instance norm needs more than 1 position in space for each feature",
                "give larger inputs, or use layer norm where the maps are this small",
            )
        return super().forward(input)


class InstanceNorm1d(_NeedsTwoPositions, nn.InstanceNorm1d):
    """PyTorch's, with a remedy in the error for maps of one position."""


class InstanceNorm2d(_NeedsTwoPositions, nn.InstanceNorm2d):
    """PyTorch's, with a remedy in the error for maps of one position."""


class InstanceNorm3d(_NeedsTwoPositions, nn.InstanceNorm3d):
    """PyTorch's, with a remedy in the error for maps of one position."""


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
