"""What lasts: a symptom that most of the last looks show, and since when they do.

Single looks stray: a batch is a sample, and near the edge of stability every quantity swings. So a
finding asks for most of the last looks, and for several.
"""

from collections.abc import Callable
from itertools import accumulate

from landscope.findings.history import History, Series

LAST = 10
"""Looks that are asked: enough for a majority to mean something, few enough to be the present."""

LEAST = 3
"""Looks that must show it: two may be chance, as a batch that strays may be drawn twice."""

LASTING = "sustained"
"""The rule in a word; docs/findings.md spells it out."""


def lasting(series: Series, shows: Callable[[float], bool]) -> Series | None:
    """The stretch over which a symptom has lasted; None unless it lasts.

    The stretch begins at the look from which on those that show it outnumber the others by most,
    and ends with the last look; single looks within it may not show it.

    Args:
        series: One number a look.
        shows: Whether a number shows the symptom.
    """
    shown = [shows(value) for value in series.values]
    last = shown[-LAST:]
    if sum(last) < LEAST or 2 * sum(last) <= len(last):
        return None
    # How far those that show it are ahead, from each look to the last; of equals the latest.
    ahead = list(accumulate(1 if show else -1 for show in reversed(shown)))
    length = ahead.index(max(ahead)) + 1
    return Series(series.steps[-length:], series.values[-length:], series.layer)


def lasting_largest(
    history: History, probe: str, quantity: str, shows: Callable[[float], bool]
) -> list[Series]:
    """The stretches of those layers at which a symptom lasts, the largest median first."""
    return sorted(_lasting(history, probe, quantity, shows), key=lambda stretch: -stretch.median)


def lasting_smallest(
    history: History, probe: str, quantity: str, shows: Callable[[float], bool]
) -> list[Series]:
    """The stretches of those layers at which a symptom lasts, the smallest median first."""
    return sorted(_lasting(history, probe, quantity, shows), key=lambda stretch: stretch.median)


def _lasting(
    history: History, probe: str, quantity: str, shows: Callable[[float], bool]
) -> list[Series]:
    stretches = [lasting(series, shows) for series in history.layers(probe, quantity)]
    return [stretch for stretch in stretches if stretch is not None]
