"""Ridges: a layer's distribution at each measurement, from the records, and how each is placed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscope.figures.curves import ShownRun
from landscope.figures.spec import Place, PlotAxis, Ridge, RidgesPanel
from landscope.quantities import DISTRIBUTION
from landscope.reading import Reading

_RIDGES = 32
"""More ridges than this cannot be distinguished in a panel."""
_TAIL = 0.002
"""The axis leaves out this share of each ridge's values, at either end."""
_REACH = 0.2
"""A ridge rises over this share of the panel's ridges."""


@dataclass(frozen=True, slots=True)
class RidgeLine:
    """One ridge in the panel's own heights: ``base`` counts ridges from the front.

    Args:
        step: When it was measured.
        age: 0 for the first ridge, 1 for the last.
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


def ridges_panel(title: str, place: Place, net: ShownRun, layer: str) -> RidgesPanel:
    """The histograms of one random activation of a layer, by step.

    Raises:
        RecordError: The run has no such readings.
    """
    ending = net.entry.ending
    found = [
        _ridge(reading)
        for reading in net.run.readings(DISTRIBUTION.activation_histogram, layer)
        if _is_finite(reading) and (ending is None or reading.step <= ending.step)
    ]
    ridges = _thinned(found)
    notes = [] if ending is None else [ending.text]
    low, high, beyond = _limits(ridges)
    if beyond:
        notes.append("some measurements reach beyond the axis")
    axis = PlotAxis("activation", low=low, high=high)
    return RidgesPanel(title, place, net.entry, axis, ridges, tuple(notes))


def ridge_lines(panel: RidgesPanel) -> tuple[RidgeLine, ...]:
    """The ridges from the back (the first measurement, at the top) to the front."""
    count = len(panel.ridges)
    reach = max(1.2, _REACH * count)
    return tuple(
        _line(ridge, float(count - 1 - index), index / max(1, count - 1), reach)
        for index, ridge in enumerate(panel.ridges)
    )


def ticked(lines: tuple[RidgeLine, ...]) -> list[RidgeLine]:
    """The ridges at whose foot an axis says the step: the first, the middle and the last."""
    return [lines[at] for at in sorted({0, len(lines) // 2, len(lines) - 1}) if lines]


def moments(ridge: Ridge) -> tuple[float, float]:
    """Mean and standard deviation of a histogram, its values taken at the bins' centres."""
    edges, mass = _masses(ridge)
    total = float(mass.sum())
    if total <= 0:
        return float("nan"), float("nan")
    centres = (edges[:-1] + edges[1:]) / 2
    mean = float((centres * mass).sum() / total)
    return mean, float(np.sqrt(((centres - mean) ** 2 * mass).sum() / total))


def _is_finite(reading: Reading) -> bool:
    edges = () if reading.axis is None else reading.axis.values
    return len(edges) > 1 and bool(
        np.isfinite(np.asarray(reading.value)).all() and np.isfinite(edges).all()
    )


def _ridge(reading: Reading) -> Ridge:
    edges = () if reading.axis is None else reading.axis.values
    density = reading.value if isinstance(reading.value, tuple) else (reading.value,)
    return Ridge(reading.step, edges, density)


def _thinned(ridges: list[Ridge]) -> tuple[Ridge, ...]:
    if len(ridges) <= _RIDGES:
        return tuple(ridges)
    kept = np.unique(np.linspace(0, len(ridges) - 1, _RIDGES).round().astype(int))
    return tuple(ridges[at] for at in kept)


def _limits(ridges: tuple[Ridge, ...]) -> tuple[float, float, bool]:
    """The ends of the axis, and whether some ridges reach beyond them."""
    if not ridges:
        return 0.0, 1.0, False
    ends = np.array([_central(ridge) for ridge in ridges])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    usual_low = float(np.quantile(ends[:, 0], 0.1))
    usual_high = float(np.quantile(ends[:, 1], 0.9))
    beyond = high - low > 3 * (usual_high - usual_low)
    if beyond:
        low, high = usual_low, usual_high
    air = 0.03 * (high - low or 1.0)
    return low - air, high + air, beyond


def _central(ridge: Ridge) -> tuple[float, float]:
    """Where the histogram lies, without its tails."""
    edges, mass = _masses(ridge)
    total = float(mass.sum())
    if total <= 0:
        return float(edges[0]), float(edges[-1])
    below = np.concatenate([[0.0], np.cumsum(mass) / total])
    low, high = np.interp((_TAIL, 1 - _TAIL), below, edges)
    return float(low), float(high)


def _masses(ridge: Ridge) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges: NDArray[np.float64] = np.asarray(ridge.edges)
    return edges, np.asarray(ridge.density) * np.diff(edges)


def _line(ridge: Ridge, base: float, age: float, reach: float) -> RidgeLine:
    edges = np.asarray(ridge.edges)
    x = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    density = np.concatenate([[0.0], ridge.density, [0.0]])
    height = base + reach * density / (density.max() or 1.0)
    heights = tuple(float(value) for value in height)
    return RidgeLine(ridge.step, age, base, tuple(map(float, x)), heights, *moments(ridge))
