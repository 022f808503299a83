"""Ridges from the records: a layer's distribution at each look, over training."""

import numpy as np
from numpy.typing import NDArray

from landscope.figures.selection import Layer, Net, layers
from landscope.figures.spec import Axis, Place, Ridge, RidgesPanel
from landscope.norms.names import NORM_LABELS
from landscope.reading import Reading
from landscope.runs import StudyRecords

_RIDGES = 32
"""More ridges than this cannot be told apart in a panel."""
_TAIL = 0.002
"""The axis leaves out this share of each look's values, at either end."""


def ridges_panel(letter: str, place: Place, net: Net, layer: Layer) -> RidgesPanel:
    """The histograms of one random activation of a layer, by step.

    Raises:
        RecordError: The run has no such readings.
    """
    looks = net.run.readings("distribution", "activation_histogram", layer.name)
    ending = net.entry.ending
    finite = [
        _ridge(look)
        for look in looks
        if _is_finite(look) and (ending is None or look.step <= ending.step)
    ]
    ridges = _thinned(finite)
    notes = [] if ending is None else [ending.text]
    low, high, beyond = _limits(ridges)
    if beyond:
        notes.append("some looks reach beyond the axis")
    name = NORM_LABELS[net.entry.norm]
    title = f"{letter} {name}, layer\u00a0{layer.number}".strip()
    axis = Axis("activation", low=low, high=high)
    return RidgesPanel(title, place, net.entry, axis, ridges, tuple(notes))


def ridges_grid(
    letter: str,
    column: int,
    study: StudyRecords,
    nets: list[Net],
    figure: str,
    *,
    row: int = 0,
    family: str = "vgg",
) -> list[RidgesPanel]:
    """A row of ridges for each run and a column for each layer that the preset names.

    Args:
        letter: Of the panels, as in ``"(c)"``.
        column: Where the first layer stands.
        study: The study.
        nets: The runs, from above.
        figure: Key of the preset's layers, as in ``"figure_2"``.
        row: Where the first run stands.
        family: Table of the preset.

    Raises:
        RecordError: A run has no histograms of these layers.
    """
    return [
        ridges_panel(letter, Place(row + down, column + right), each, layer)
        for down, each in enumerate(nets)
        for right, layer in enumerate(layers(study, each.run, family, figure))
    ]


def _is_finite(look: Reading) -> bool:
    edges = () if look.axis is None else look.axis.values
    return len(edges) > 1 and bool(
        np.isfinite(np.asarray(look.value)).all() and np.isfinite(edges).all()
    )


def _ridge(look: Reading) -> Ridge:
    edges = () if look.axis is None else look.axis.values
    density = look.value if isinstance(look.value, tuple) else (look.value,)
    return Ridge(look.step, edges, density)


def _thinned(ridges: list[Ridge]) -> tuple[Ridge, ...]:
    if len(ridges) <= _RIDGES:
        return tuple(ridges)
    kept = np.unique(np.linspace(0, len(ridges) - 1, _RIDGES).round().astype(int))
    return tuple(ridges[at] for at in kept)


def _limits(ridges: tuple[Ridge, ...]) -> tuple[float, float, bool]:
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
    edges: NDArray[np.float64] = np.asarray(ridge.edges)
    mass = np.asarray(ridge.density) * np.diff(edges)
    total = float(mass.sum())
    if total <= 0:
        return float(edges[0]), float(edges[-1])
    below = np.concatenate([[0.0], np.cumsum(mass) / total])
    low, high = np.interp((_TAIL, 1 - _TAIL), below, edges)
    return float(low), float(high)
