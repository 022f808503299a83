r"""Deep linear network: k square matrices, the paper's second model.

.. math:: f(x) = W_k \ldots W_1 x

Layer 1 is executed first. Trained to :math:`\|f(x) - Ax\|^2`; Santurkar et al. 2018, section 3.1
and appendix A: 25 matrices of 10 x 10. The layers have no bias. The norm follows each layer but
the last, whose outputs must be free to be Ax; the paper does not say where it is, see
``docs/decisions/norm-placement.md``.
"""

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.models.glorot import GlorotLayers
from landscope.norms.table import NormBuilder, none


class DLN(nn.Module):
    """``fc1, norm1, fc2, ..., fcK`` in ``layers``.

    Args:
        width: Number of features of every layer.
        depth: Number of matrices.
        norm: Makes the norm between matrices; none by default.
        seed: Seed of the initial weights, at least 0.

    Raises:
        UsageError: On a width or a depth below 1, or a negative seed.
    """

    def __init__(
        self, width: int = 10, depth: int = 25, *, norm: NormBuilder = none, seed: int = 0
    ) -> None:
        super().__init__()
        if min(width, depth) < 1:
            raise UsageError(
                f"a deep linear network of width {width} and depth {depth}",
                "both are at least 1",
                "give numbers such as the paper's 10 and 25",
            )
        glorot = GlorotLayers(seed)
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        for number in range(1, depth + 1):
            modules[f"fc{number}"] = glorot.linear(width, width, bias=False)
            if number < depth:
                modules[f"norm{number}"] = norm(width, 0)
        self.layers = nn.Sequential(modules)

    def forward(self, inputs: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The product of the matrices, and the norms between, applied to each input."""
        return self.layers(inputs)
