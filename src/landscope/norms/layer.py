r"""Layer normalisation: each sample is whitened over its features, and over space if any.

.. math:: z = \gamma \frac{y - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

with :math:`\mu` and :math:`\sigma^2` the mean and the variance over all values of one sample;
:math:`\gamma` and :math:`\beta` are for each feature (channel), in space too, so that they are as
many as the other norms'. That is PyTorch's ``LayerNorm(features)`` without space, and
``GroupNorm(1, features)`` with space. Training and evaluation mode are the same.

Source: Ba, Kiros & Hinton 2016, arXiv 1607.06450; with space, as Wu & He 2018, arXiv 1803.08494,
figure 2.
"""

from torch import nn

from landscope.errors import UsageError
from landscope.norms.statistics import EPS, check_eps


def layer(features: int, spatial: int, *, eps: float = EPS) -> nn.LayerNorm | nn.GroupNorm:
    """Layer norm with scale 1 and shift 0.

    Args:
        features: Number of features (units, or channels).
        spatial: Number of spatial dimensions, 0 to 3.
        eps: Added to the variance.

    Raises:
        UsageError: Where a sample would be a single value, or where ``eps`` is not positive.
    """
    check_eps(eps)
    if spatial:
        return nn.GroupNorm(1, features, eps=eps)
    if features == 1:
        raise UsageError(
            "layer norm with 1 feature and no space",
            "a sample of a single value has nothing to average over",
            "use a norm over the batch where there is one feature",
        )
    return nn.LayerNorm(features, eps=eps)
