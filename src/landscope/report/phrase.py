"""Numbers in words, as the answers say them."""

import math

_MILLION = 1e6


def amount(value: float) -> str:
    """Three digits; what overflowed is larger than any number."""
    return f"{value:.3g}" if math.isfinite(value) else "an overflow"


def times(ratio: float) -> str:
    """A ratio of two digits, as in ``13 times`` and ``440,000 times``."""
    if ratio >= _MILLION:
        return "over a million times"
    return f"{float(f'{ratio:.2g}'):,.7g} times"


def change(before: float, after: float) -> str:
    """What becomes of a number that is not negative, as in ``13 times smaller`` or ``8% larger``.

    Args:
        before: The number that is compared with; infinite where it overflowed.
        after: What it becomes.
    """
    if before == after:
        return "the same"
    word = "smaller" if after < before else "larger"
    small, large = sorted((before, after))
    if small == 0 or math.isinf(large):
        return word
    if large / small >= 2:
        return f"{times(large / small)} {word}"
    share = abs(after / before - 1)
    return f"{share:.0%} {word}" if share >= 0.01 else f"less than 1% {word}"
