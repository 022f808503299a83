"""Readings against numbers computed by hand, each on its own scale."""

from collections.abc import Iterable

import numpy as np
from tests.tolerances import EXACT64


def assert_exact(found: Iterable[float], expected: Iterable[float]) -> None:
    """Each number found has a relative error of at most EXACT64; a small one is not excused."""
    for number, by_hand in zip(found, expected, strict=True):
        EXACT64.check(np.asarray(number), np.asarray(by_hand))
