"""The used gradient: how long it is beside the measured one, where both have one direction."""

from landscope.findings.history import History, Series
from landscope.findings.loss_not_trained import AGREEMENT

CONSTANT = 1.01
"""Largest factor over smallest up to which a factor counts as constant: rounding stays within it,
and the lengths of a training's gradients do not."""


def factor(history: History) -> Series:
    """Length of the used gradient over that of the measured one, where they are parallel."""
    used = history.series("gradient", "used_gradient_norm")
    ratio = used.over(history.series("gradient", "gradient_norm"))
    agreement = history.series("gradient", "agreement").points
    return ratio.on(step for step, cosine in agreement.items() if cosine >= AGREEMENT)


def constant(factors: Series) -> bool:
    """Whether all factors are one and the same."""
    return bool(factors.steps) and max(factors.values) <= CONSTANT * min(factors.values)
