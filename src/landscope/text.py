"""Numbers, durations, lists and tables as text for people; every format is defined here once."""

import html
import math
from collections.abc import Iterable, Sequence

_MILLION = 1e6
_CELL = "text-align: left; vertical-align: top"


# Numbers


def short(value: float) -> str:
    """Four digits, as in ``0.1235`` and ``1.235e+05``."""
    return f"{value:.4g}"


def number(value: float) -> str:
    """Three digits, as in ``0.412``, ``12,300`` and ``1.2e-7``."""
    if not math.isfinite(value):
        return "an overflow"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{float(f'{value:.3g}'):,.7g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def amount(value: float) -> str:
    """Three digits as Python writes them, as in ``0.412`` and ``1.23e+04``."""
    return f"{value:.3g}" if math.isfinite(value) else "an overflow"


def number_text(value: float) -> str:
    """Four digits, as in ``1,235`` and ``1.23e-7``; words if the number is not finite."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def lr_text(lr: float) -> str:
    """A step size, as in ``0.1`` and ``1e-6``."""
    return f"{lr:g}".replace("e-0", "e-")


def percent(share: float) -> str:
    """A share, as in ``34.5%``."""
    return f"{number(100 * share)}%"


def larger(excess: float) -> str:
    """How much larger, for a ratio less 1: as in ``34.5% higher`` and ``12 times as high``."""
    return f"{percent(excess)} higher" if excess < 1 else f"{number(1 + excess)} times as high"


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


# Counts and lists


def counted(count: int, noun: str) -> str:
    """As in ``1 step`` and ``12 steps``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(words: Sequence[str]) -> str:
    """As in ``a, b and c``; at least one word."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


# Durations


def duration(seconds: float) -> str:
    """A duration as a person says it, as in ``75 s``, ``12 min`` and ``1.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def full_duration(seconds: object) -> str:
    """A recorded duration in full, as in ``7.3 s``, ``3 min 7 s`` and ``1 h 12 min``."""
    if not isinstance(seconds, int | float):
        return "not recorded"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


# Anybody's words


def harmless(words: str) -> str:
    """The text with a question mark for each control character, which a terminal would obey."""
    if words.isprintable():
        return words
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def html_table(caption: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table for notebooks, in the notebook's own colours, with all text escaped.

    Args:
        caption: What it is, in plain text.
        headings: One for each column.
        rows: One cell for each heading, in plain text: names in them may come from anyone.

    Returns:
        A ``<table>`` without scripts, classes or links; without rows, its caption as a paragraph.
    """
    body = "".join(_html_row("td", row) for row in rows)
    if not body:
        # A caption is as wide as its table, and this one would have no width.
        return f"<p>{html.escape(caption)}</p>"
    head = _html_row("th", headings)
    title = f'<caption style="{_CELL}">{html.escape(caption)}</caption>'
    return f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, cells: Iterable[str]) -> str:
    row = "".join(f'<{tag} style="{_CELL}">{html.escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{row}</tr>"
