"""The gradients of the training itself: how long they are where they have one direction."""

import math
from collections.abc import Iterable

from landscope.findings.history import History, Series
from landscope.findings.loss_not_trained import AGREEMENT

CONSTANT = 1.01
"""Largest factor over smallest up to which a factor counts as constant: rounding stays within it,
and the lengths of a training's gradients do not."""


def computed_scale(history: History) -> Series:
    """Length of the gradient that ``backward()`` gave over that of the measured one.

    Of several batches that make one update, it is that of their sum: a loop that divides the loss
    by their number, and one that does not, give the loss that is meant.
    """
    scales = _where_parallel(history, "gradient_scale", "agreement")
    batches = history.series("gradient", "batches").points
    return Series.of(
        {
            step: min((scale, scale * batches.get(step, 1.0)), key=_off)
            for step, scale in scales.points.items()
        }
    )


def used_scale(history: History) -> Series:
    """Length of the used gradient over that of the one that ``backward()`` gave."""
    return _where_parallel(history, "used_scale", "used_cosine")


def constant(factors: Series) -> bool:
    """Whether all factors are one and the same."""
    return bool(factors.steps) and max(factors.values) <= CONSTANT * min(factors.values)


def _off(scale: float) -> float:
    """How far a factor is from 1, either way."""
    return abs(math.log(scale)) if scale > 0 else math.inf


def _where_parallel(history: History, quantity: str, cosine: str) -> Series:
    cosines = history.series("gradient", cosine).points
    parallel: Iterable[int] = (step for step, value in cosines.items() if value >= AGREEMENT)
    return history.series("gradient", quantity).on(parallel)
