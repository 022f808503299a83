"""The small number that keeps a norm from dividing by zero.

The paper does not state it; the default 1e-5 is PyTorch's. Where it stands in the formula is each
norm's own matter and is written in its file.
"""

import math

from landscope.errors import UsageError

EPS = 1e-5


def check_eps(eps: float) -> None:
    """Refuse an ``eps`` that would not do its work.

    Raises:
        UsageError: Where it is not a finite number above 0.
    """
    if not (eps > 0 and math.isfinite(eps)):
        raise UsageError(
            f"eps = {eps}",
            "the number that keeps a norm from dividing by zero is finite and above 0",
            f"give a small one such as {EPS}",
        )
