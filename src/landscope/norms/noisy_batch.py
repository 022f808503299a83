r"""Noisy batch norm: batch norm, then the noise of Algorithm 1, drawn anew at each step.

.. math:: z_{ij} = s_{ij} \, BN(y)_{ij} + m_{ij}

Source: Santurkar et al. 2018, arXiv 1805.11604, section 2.1 and Algorithm 1. The distributions
and the constants are written in :mod:`landscope.norms.noise`. In evaluation mode it is batch norm.
"""

from jaxtyping import Float
from torch import Tensor, nn

from landscope.norms.batch import BatchNorm, batch
from landscope.norms.eps import EPS
from landscope.norms.noise import N_MU, N_SIGMA, R_MU, R_SIGMA, Noise
from landscope.norms.stats_decay import STATS_DECAY


class NoisyBatchNorm(nn.Module):
    """A batch norm, the child ``norm``, and the noise after it, the child ``noise``.

    Args:
        norm: The batch norm.
        noise: The noise.
    """

    def __init__(self, norm: BatchNorm, noise: Noise) -> None:
        super().__init__()
        self.norm = norm
        self.noise = noise

    def forward(
        self, inputs: Float[Tensor, "batch features *space"]
    ) -> Float[Tensor, "batch features *space"]:
        """Normalise, then scale and shift by fresh noise in training mode.

        Raises:
            UsageError: In training mode, where each feature has a single value.
        """
        return self.noise(self.norm(inputs))


def noisy_batch(
    features: int,
    spatial: int,
    *,
    n_mu: float = N_MU,
    n_sigma: float = N_SIGMA,
    r_mu: float = R_MU,
    r_sigma: float = R_SIGMA,
    stats_decay: float = STATS_DECAY,
    eps: float = EPS,
) -> NoisyBatchNorm:
    """Batch norm followed by Algorithm 1's noise.

    Args:
        features: Number of features (units, or channels).
        spatial: Number of spatial dimensions, 0 to 3.
        n_mu: Half the width of the units' mean shift, at least 0.
        n_sigma: Upper end of the units' mean scale, at least 1.
        r_mu: Half the width of an example's shift about its unit's, at least 0.
        r_sigma: Standard deviation of an example's scale about its unit's, at least 0.
        stats_decay: Weight of the old running statistic at each step, in [0, 1).
        eps: Added to the variance.

    Raises:
        UsageError: On constants outside these ranges.
    """
    return NoisyBatchNorm(
        batch(features, spatial, stats_decay=stats_decay, eps=eps),
        Noise(n_mu=n_mu, n_sigma=n_sigma, r_mu=r_mu, r_sigma=r_sigma),
    )
