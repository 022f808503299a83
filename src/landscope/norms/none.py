r"""No normalisation, the paper's "standard" network: :math:`z = y`."""

from torch import nn


def none(features: int, spatial: int) -> nn.Identity:  # noqa: ARG001  a row of the table
    """Nothing, as a module, so that networks with and without a norm have the same names.

    Args:
        features: Number of features; any.
        spatial: Number of spatial dimensions; any.
    """
    return nn.Identity()
