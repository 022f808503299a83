"""Results in a notebook: short tables in HTML, with every word in them escaped."""

import html
from collections.abc import Iterable

_STYLE = "text-align: left; vertical-align: top"


def html_table(caption: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table as notebooks show it, in the notebook's own colours.

    Args:
        caption: What it is, in plain text.
        headings: One for each column.
        rows: As many cells each, in plain text: names in them may be anybody's.

    Returns:
        A ``<table>`` without scripts, classes or links; without rows, its caption as a paragraph.
    """
    body = "".join(_row("td", row) for row in rows)
    if not body:
        # A caption is as wide as its table, and this one would have no width.
        return f"<p>{html.escape(caption)}</p>"
    head = _row("th", headings)
    title = f'<caption style="{_STYLE}">{html.escape(caption)}</caption>'
    return f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"


def short(number: float) -> str:
    """A number in four digits."""
    return f"{number:.4g}"


def _row(tag: str, cells: Iterable[str]) -> str:
    return "".join(
        [
            "<tr>",
            *(f'<{tag} style="{_STYLE}">{html.escape(cell)}</{tag}>' for cell in cells),
            "</tr>",
        ]
    )
