"""The last looks of a training as a table, one row each."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from landscope.terminal.plain_text import plain


def looks_table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """The table.

    Args:
        headings: Of the columns.
        rows: As many cells each, as :class:`~landscope.findings.glance.Glances` makes them.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right", overflow="ellipsis")
    for row in rows:
        table.add_row(*map(plain, row))
    return table
