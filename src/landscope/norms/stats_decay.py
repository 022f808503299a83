"""How slowly running statistics follow the batch: ``stats_decay``, the one definition of it.

::

    running <- stats_decay * running + (1 - stats_decay) * batch

PyTorch calls ``1 - stats_decay`` the momentum, TensorFlow and JAX call ``stats_decay`` the
momentum; here neither word is used. The paper does not state it; the default 0.9 is PyTorch's
own (``momentum=0.1``).
"""

from landscope.errors import UsageError

STATS_DECAY = 0.9


def momentum_of(stats_decay: float) -> float:
    """PyTorch's word for it: 0.1 for 0.9, where the difference of floats has another last bit."""
    return round(1 - stats_decay, 12)


def check_stats_decay(stats_decay: float) -> None:
    """Refuse a weight that is not one.

    Args:
        stats_decay: Weight of the old running statistic, in [0, 1).

    Raises:
        UsageError: Where it is below 0, at least 1, or NaN.
    """
    if not 0 <= stats_decay < 1:
        raise UsageError(
            f"stats_decay = {stats_decay}",
            "the weight of the old running statistic is at least 0 and below 1",
            f"give a number such as {STATS_DECAY}",
        )
