r"""L-infinity normalisation: features are scaled by the largest absolute value of the batch.

.. math:: z = \gamma \frac{y - \mathrm{mean}(y)}{s_\infty + \epsilon} + \beta, \qquad
          s_\infty = \max |y|

Source: Santurkar et al. 2018, arXiv 1805.11604, section 3.3; read as in
:mod:`landscope.norms.lp`.
"""

import math
from typing import ClassVar

from landscope.norms.eps import EPS
from landscope.norms.lp import LpNorm
from landscope.norms.stats_decay import STATS_DECAY


class LinfNorm(LpNorm):
    """Lp norm with p of infinity."""

    p: ClassVar[float] = math.inf


def linf(
    features: int,
    spatial: int,  # noqa: ARG001  a row of the table; the module takes any
    *,
    stats_decay: float = STATS_DECAY,
    eps: float = EPS,
) -> LinfNorm:
    """L-infinity norm with scale 1 and shift 0.

    Args:
        features: Number of features (units, or channels).
        spatial: Number of spatial dimensions; any.
        stats_decay: Weight of the old running statistic at each step, in [0, 1).
        eps: Added to the scale.

    Raises:
        UsageError: On constants outside these ranges.
    """
    return LinfNorm(features, stats_decay=stats_decay, eps=eps)
