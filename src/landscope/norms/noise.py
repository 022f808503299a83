r"""The noise of Algorithm 1, drawn anew at each step: after a batch norm, and alone.

For each unit j, :math:`\mu_j \sim U(-n_\mu, n_\mu)` and :math:`\sigma_j \sim U(1, n_\sigma)`; for
each example i and unit j, :math:`m_{ij} \sim U(\mu_j - r_\mu, \mu_j + r_\mu)` and
:math:`s_{ij} \sim N(\sigma_j, r_\sigma)`; so its mean is not 0 and its variance not 1. Then

.. math:: z_{ij} = s_{ij} \, a_{ij} + m_{ij}

with :math:`a` the output of a batch norm in the norm "noisy-batch", and the layer's own in the norm
"noise". In a convolutional layer the unit is the channel, and i runs over batch, height and width.
:math:`r_\sigma` is taken as a standard deviation; the paper does not say.

Source: Santurkar et al. 2018, arXiv 1805.11604, section 2.1 and Algorithm 1 (appendix A). The paper
says that noise alone stops a standard network's training.

The noise is drawn at each forward pass in training mode, from PyTorch's default generator of the
inputs' device, so that a saved and restored random state replays the very same noise. There is none
in evaluation mode; the paper does not say, and the accuracy should not be random.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.norms.batch import BatchNorm, batch
from landscope.norms.statistics import EPS, STATS_DECAY

N_MU = 0.5
N_SIGMA = 1.25
R_MU = 0.1
R_SIGMA = 0.1


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """One draw of Algorithm 1.

    Args:
        unit_shift: mu_j, of shape (1, features, 1, ...).
        unit_scale: sigma_j, of shape (1, features, 1, ...).
        shift: m_ij, of the inputs' shape.
        scale: s_ij, of the inputs' shape.
    """

    unit_shift: Tensor
    unit_scale: Tensor
    shift: Tensor
    scale: Tensor


class Noise(nn.Module):
    """Algorithm 1's noise in training mode, nothing in evaluation mode.

    Args:
        n_mu: Half the width of the units' mean shift, at least 0.
        n_sigma: Upper end of the units' mean scale, at least 1.
        r_mu: Half the width of an example's shift about its unit's, at least 0.
        r_sigma: Standard deviation of an example's scale about its unit's, at least 0.

    Raises:
        UsageError: On constants outside these ranges.
    """

    def __init__(
        self,
        *,
        n_mu: float = N_MU,
        n_sigma: float = N_SIGMA,
        r_mu: float = R_MU,
        r_sigma: float = R_SIGMA,
    ) -> None:
        super().__init__()
        _check_at_least("n_mu", n_mu, 0)
        _check_at_least("n_sigma", n_sigma, 1)
        _check_at_least("r_mu", r_mu, 0)
        _check_at_least("r_sigma", r_sigma, 0)
        self.n_mu = n_mu
        self.n_sigma = n_sigma
        self.r_mu = r_mu
        self.r_sigma = r_sigma

    def forward(
        self, inputs: Float[Tensor, "batch features *space"]
    ) -> Float[Tensor, "batch features *space"]:
        """Scale and shift each value by fresh noise, in training mode."""
        if not self.training:
            return inputs
        drawn = self.draw(inputs)
        return drawn.scale * inputs + drawn.shift

    def draw(self, inputs: Float[Tensor, "batch features *space"]) -> NoiseDraw:
        """Draw noise for inputs of this shape, type and device, from its default generator."""
        of_unit = (1, inputs.shape[1], *(1,) * (inputs.dim() - 2))
        dtype, device = inputs.dtype, inputs.device
        unit_shift = self.n_mu * (2 * torch.rand(of_unit, dtype=dtype, device=device) - 1)
        unit_scale = 1 + (self.n_sigma - 1) * torch.rand(of_unit, dtype=dtype, device=device)
        about_shift = 2 * torch.rand(inputs.shape, dtype=dtype, device=device) - 1
        about_scale = torch.randn(inputs.shape, dtype=dtype, device=device)
        shift = unit_shift + self.r_mu * about_shift
        return NoiseDraw(unit_shift, unit_scale, shift, unit_scale + self.r_sigma * about_scale)

    def extra_repr(self) -> str:
        """The constants, for ``print(model)``."""
        return f"n_mu={self.n_mu}, n_sigma={self.n_sigma}, r_mu={self.r_mu}, r_sigma={self.r_sigma}"


class NoisyBatchNorm(nn.Module):
    """A batch norm, the child ``norm``, and the noise after it, the child ``noise``.

    In evaluation mode it is the batch norm alone.
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


def noise(
    features: int,  # noqa: ARG001  a row of the table
    spatial: int,  # noqa: ARG001
    *,
    n_mu: float = N_MU,
    n_sigma: float = N_SIGMA,
    r_mu: float = R_MU,
    r_sigma: float = R_SIGMA,
) -> Noise:
    """Algorithm 1's noise without a norm before it: :class:`Noise` for any features and space."""
    return Noise(n_mu=n_mu, n_sigma=n_sigma, r_mu=r_mu, r_sigma=r_sigma)


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
    """:func:`~landscope.norms.batch.batch`, followed by the noise of :class:`Noise`."""
    return NoisyBatchNorm(
        batch(features, spatial, stats_decay=stats_decay, eps=eps),
        Noise(n_mu=n_mu, n_sigma=n_sigma, r_mu=r_mu, r_sigma=r_sigma),
    )


def _check_at_least(name: str, constant: float, least: int) -> None:
    if not (constant >= least and math.isfinite(constant)):
        raise UsageError(
            f"{name} = {constant}",
            f"this constant of the noise is finite and at least {least}",
            f"give {name} such a number, or leave it out for the paper's",
        )
