"""What the norms share about their statistics: ``eps``, ``stats_decay``, and how many values.

``eps`` keeps a norm from dividing by zero; where it is added is written in each norm's file.
``stats_decay`` says how slowly running statistics follow the batch, and this is its one
definition::

    running <- stats_decay * running + (1 - stats_decay) * batch

PyTorch calls ``1 - stats_decay`` the momentum, TensorFlow and JAX call ``stats_decay`` the
momentum; here neither word is used. The paper states neither constant; the defaults, 1e-5 and 0.9,
are PyTorch's own (``momentum=0.1``).
"""

import math

from jaxtyping import Float
from torch import Tensor

from landscope.errors import UsageError

EPS = 1e-5
STATS_DECAY = 0.9


def momentum_of(stats_decay: float) -> float:
    """PyTorch's momentum: exactly 0.1 for 0.9, where 1 - 0.9 differs in the last bit."""
    return round(1 - stats_decay, 12)


def check_eps(eps: float) -> None:
    """Refuse an ``eps`` that does not keep a norm from dividing by zero.

    Raises:
        UsageError: It is not a finite number above 0.
    """
    if not (eps > 0 and math.isfinite(eps)):
        raise UsageError(
            f"eps = {eps}",
            "the number that keeps a norm from dividing by zero is finite and above 0",
            f"give a small one such as {EPS}",
        )


def check_stats_decay(stats_decay: float) -> None:
    """Refuse a weight of the old running statistic that is not in [0, 1).

    Raises:
        UsageError: It is below 0, at least 1, or NaN.
    """
    if not 0 <= stats_decay < 1:
        raise UsageError(
            f"stats_decay = {stats_decay}",
            "the weight of the old running statistic is at least 0 and below 1",
            f"give a number such as {STATS_DECAY}",
        )


def check_batch_values(inputs: Float[Tensor, "batch features *space"]) -> None:
    """Refuse a batch that has at most one value for each feature: its spread would be 0.

    Raises:
        UsageError: The batch times the space has fewer than two values.
    """
    values = inputs.shape[0] * inputs.shape[2:].numel()
    if values < 2:
        raise UsageError(
            f"inputs of shape {tuple(inputs.shape)}",
            "a batch norm in training mode needs more than 1 value for each feature",
            "give a larger batch, or put the model into evaluation mode",
        )
