r"""Root-mean-square normalisation: each sample is scaled by its root mean square, not centred.

.. math:: z = \gamma \frac{y}{\sqrt{\mathrm{mean}(y^2) + \epsilon}}

with the mean over all values of one sample: its features, and the space if it has any;
:math:`\gamma` is for each feature (channel), and there is no shift. Training and evaluation mode
are the same.

Source: Zhang & Sennrich 2019, arXiv 1910.07467, equation 4. They write no eps; here it is added
to the mean square, as their code does.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscope.norms.statistics import EPS, check_eps


class RMSNorm(nn.Module):
    """RMS norm over all values of a sample, with a gain for each feature.

    PyTorch's own takes one gain for each position in space as well.

    Args:
        features: Number of features (units, or channels).
        eps: Added to the mean square.

    Raises:
        UsageError: Where ``eps`` is not positive.
    """

    def __init__(self, features: int, *, eps: float = EPS) -> None:
        super().__init__()
        check_eps(eps)
        self.features = features
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))

    def forward(
        self, inputs: Float[Tensor, "batch features *space"]
    ) -> Float[Tensor, "batch features *space"]:
        """Scale each sample by its root mean square."""
        over = list(range(1, inputs.dim()))
        mean_square = inputs.square().mean(dim=over, keepdim=True)
        gain = self.weight.view(-1, *(1,) * (inputs.dim() - 2))
        return gain * inputs * torch.rsqrt(mean_square + self.eps)

    def extra_repr(self) -> str:
        """The constants, for ``print(model)``."""
        return f"{self.features}, eps={self.eps}"


def rms(
    features: int,
    spatial: int,  # noqa: ARG001  a row of the table; the module takes any
    *,
    eps: float = EPS,
) -> RMSNorm:
    """RMS norm with scale 1.

    Args:
        features: Number of features (units, or channels).
        spatial: Number of spatial dimensions; any.
        eps: Added to the mean square.

    Raises:
        UsageError: Where ``eps`` is not positive.
    """
    return RMSNorm(features, eps=eps)
