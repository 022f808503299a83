"""Series and layers in words, as used in findings."""

from collections.abc import Callable, Sequence

from landscope.findings.history import Series
from landscope.text import counted, listed, number

_NAMED = 3  # nobody reads more than this


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
    """Says what a number is the median of, as in ``median of 12 measurements since step 400``."""
    return f"median of {since(stretch)}"


def called(stretch: Series) -> str:
    """The layer's name, marked as a layer if it is a number, as in a sequence."""
    name = stretch.layer or "the model"  # the model's own weights have no name
    return f"layer {name}" if name.replace(".", "").isdigit() else name


def names(stretches: Sequence[Series]) -> str:
    """The names of the first three layers, and how many more there are."""
    return first_three([called(stretch) for stretch in stretches])


def named(stretches: Sequence[Series], in_words: Callable[[float], str] = number) -> str:
    """The names of the first three layers with their medians, and how many more there are."""
    words = [f"{called(stretch)} ({in_words(stretch.median)})" for stretch in stretches]
    return first_three(words, "layer")
