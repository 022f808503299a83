"""Where the ridges of a panel stand: the geometry that both drawings share."""

from dataclasses import dataclass

import numpy as np

from landscope.figures.spec import Ridge, RidgesPanel

_REACH = 0.2
"""A ridge rises over this share of the panel's looks."""


@dataclass(frozen=True, slots=True)
class RidgeLine:
    """One ridge in the panel's own heights: ``base`` counts looks from the front.

    Args:
        step: The look.
        age: 0 for the first look, 1 for the last.
        base: Height of density 0.
        x: Bin centres, and the outer edges.
        height: Of the ridge at ``x``.
        mean: Of the distribution.
        deviation: Its standard deviation.
    """

    step: int
    age: float
    base: float
    x: tuple[float, ...]
    height: tuple[float, ...]
    mean: float
    deviation: float


def ridge_lines(panel: RidgesPanel) -> tuple[RidgeLine, ...]:
    """The ridges from the back (the first look, at the top) to the front."""
    count = len(panel.ridges)
    reach = max(1.2, _REACH * count)
    return tuple(
        _line(ridge, float(count - 1 - index), index / max(1, count - 1), reach)
        for index, ridge in enumerate(panel.ridges)
    )


def moments(ridge: Ridge) -> tuple[float, float]:
    """Mean and standard deviation of a histogram, its values taken at the bins' centres."""
    edges = np.asarray(ridge.edges)
    mass = np.asarray(ridge.density) * np.diff(edges)
    total = float(mass.sum())
    if total <= 0:
        return float("nan"), float("nan")
    centres = (edges[:-1] + edges[1:]) / 2
    mean = float((centres * mass).sum() / total)
    return mean, float(np.sqrt(((centres - mean) ** 2 * mass).sum() / total))


def _line(ridge: Ridge, base: float, age: float, reach: float) -> RidgeLine:
    edges = np.asarray(ridge.edges)
    x = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    density = np.concatenate([[0.0], ridge.density, [0.0]])
    height = base + reach * density / (density.max() or 1.0)
    mean, deviation = moments(ridge)
    return RidgeLine(
        ridge.step,
        age,
        base,
        tuple(float(value) for value in x),
        tuple(float(value) for value in height),
        mean,
        deviation,
    )
