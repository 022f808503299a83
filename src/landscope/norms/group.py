r"""Group normalisation: each sample's groups of channels are whitened over channels and space.

.. math:: z = \gamma \frac{y - \mu_g}{\sqrt{\sigma_g^2 + \epsilon}} + \beta

with :math:`\mu_g` and :math:`\sigma_g^2` the mean and the variance over the channels of group g
and the space, for each sample; :math:`\gamma` and :math:`\beta` are for each channel. Training and
evaluation mode are the same.

Source: Wu & He 2018, arXiv 1803.08494. Their default is 32 groups (section 4.1). Here the default
is the largest divisor of the features that is at most 32 and leaves at least 2 channels to a
group: 1 channel to a group would be instance norm. Without space it leaves at least 4, as 2 values
whitened are always -1 and 1, and nothing could be learned through them. Where the features have no
such divisor, there is one group: layer norm.
"""

from torch import nn

from landscope.errors import UsageError
from landscope.norms.statistics import EPS, check_eps

MOST_GROUPS = 32
_FEWEST_CHANNELS = 2
_FEWEST_CHANNELS_WITHOUT_SPACE = 4


def group(
    features: int, spatial: int, *, groups: int | float | None = None, eps: float = EPS
) -> nn.GroupNorm:
    """Group norm with scale 1 and shift 0.

    Args:
        features: Number of features (units, or channels).
        spatial: Number of spatial dimensions, 0 to 3.
        groups: Number of groups, a divisor of the features; None for :func:`default_groups`.
        eps: Added to the variance.

    Raises:
        UsageError: Where ``groups`` does not divide the features, where a group would hold a
            single value, or where ``eps`` is not positive.
    """
    check_eps(eps)
    if groups is None:
        groups = default_groups(features, spatial)
    if groups not in _divisors(features):
        raise UsageError(
            f"groups = {groups} with {features} features",
            "the number of groups divides the number of features",
            f"give one of {', '.join(map(str, _divisors(features)))}",
        )
    if spatial == 0 and groups == features:
        raise UsageError(
            f"groups = {groups} with {features} features and no space",
            "a group of a single value has nothing to average over",
            "give fewer groups, or another norm where there is one feature",
        )
    return nn.GroupNorm(int(groups), features, eps=eps)


def default_groups(features: int, spatial: int) -> int:
    """The number of groups where none is given; the module's docstring has the rule.

    Args:
        features: Number of features.
        spatial: Number of spatial dimensions.
    """
    fewest = _FEWEST_CHANNELS if spatial else _FEWEST_CHANNELS_WITHOUT_SPACE
    most = min(MOST_GROUPS, features // fewest)
    return max((divisor for divisor in _divisors(features) if divisor <= most), default=1)


def _divisors(features: int) -> list[int]:
    return [divisor for divisor in range(1, features + 1) if features % divisor == 0]
