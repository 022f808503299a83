"""Numbers, series and layers in words, as the findings say them."""

import math
from collections.abc import Callable, Sequence

from landscope.findings.history import Series

_NAMED = 3  # more than that nobody reads


def number(value: float) -> str:
    """Three digits, as in ``0.412``, ``12,300`` and ``1.2e-7``."""
    if not math.isfinite(value):
        return "an overflow"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{float(f'{value:.3g}'):,.7g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def percent(share: float) -> str:
    """A share, as in ``34.5%``."""
    return f"{number(100 * share)}%"


def larger(excess: float) -> str:
    """How much larger, for a ratio less 1: as in ``34.5% higher`` and ``12 times as high``."""
    return f"{percent(excess)} higher" if excess < 1 else f"{number(1 + excess)} times as high"


def counted(count: int, noun: str) -> str:
    """As in ``1 run`` and ``12 runs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(words: Sequence[str]) -> str:
    """As in ``a, b and c``."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def first_three(words: Sequence[str], noun: str = "") -> str:
    """As in ``a, b, c and 2 more``; with a noun ``a, b, c and 2 layers more``."""
    more = len(words) - _NAMED
    if more <= 0:
        return listed(words)
    return listed([*words[:_NAMED], f"{counted(more, noun) if noun else more} more"])


def since(stretch: Series) -> str:
    """As in ``12 measurements since step 400``."""
    return f"{counted(len(stretch), 'measurement')} since step {stretch.steps[0]}"


def median_of(stretch: Series) -> str:
    """What a number is the median of, as in ``median of 12 measurements since step 400``."""
    return f"median of {since(stretch)}"


def called(stretch: Series) -> str:
    """The layer; one that is called by numbers, as in a sequence, would be read as a value."""
    name = stretch.layer or "the model"  # the model's own weights have no name
    return f"layer {name}" if name.replace(".", "").isdigit() else name


def names(stretches: Sequence[Series]) -> str:
    """Layers: the first three, and how many more there are."""
    return first_three([called(stretch) for stretch in stretches])


def named(stretches: Sequence[Series], in_words: Callable[[float], str] = number) -> str:
    """The same with their medians."""
    words = [f"{called(stretch)} ({in_words(stretch.median)})" for stretch in stretches]
    return first_three(words, "layer")
