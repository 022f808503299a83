"""Findings and measurements in the terminal, as plain text."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landscope.findings import Findings, Severity
from landscope.findings.finding import NO_PROBLEMS
from landscope.findings.table import Across
from landscope.text import counted, harmless

STYLES: Mapping[Severity, str] = {"serious": "bold red", "warning": "yellow", "info": "cyan"}


def plain(words: str) -> Text:
    """Plain text without markup or control characters, whatever a layer is called."""
    return Text(harmless(words))


def measurements_table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """The last measurements of a training as a table, one row each.

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


def print_findings(console: Console, findings: Findings) -> None:
    """Print each finding with its sentence, remedy, evidence and reference."""
    for number, finding in enumerate(findings):
        if number:
            console.print()
        style = STYLES[finding.severity]
        console.print(Text.assemble((finding.severity, style), "  ", (finding.id, "bold")))
        about = f"{finding.evidence.summary}. Reference: {finding.reference}."
        for words, dim in ((finding.sentence, ""), (finding.remedy, ""), (about, "dim")):
            for line in textwrap.wrap(words, max(40, console.width - 4)):
                console.print(Text("  ").append_text(plain(line)), style=dim)
    if findings and findings.unseen:
        console.print()
    last = findings.unseen if findings else findings.in_short
    for line in textwrap.wrap(last, max(40, console.width)):
        console.print(plain(line))


def print_across(console: Console, found: Sequence[Across]) -> None:
    """Print a line for each finding of a study: how severe, its id, and how many runs show it."""
    console.print(Text("Findings", style="bold"))
    if not found:
        console.print(Text(f"  {NO_PROBLEMS}"))
    longest = max((len(one.finding.id) for one in found), default=0)
    for one in found:
        severity = one.finding.severity
        runs = f"in {one.count} of {counted(one.of, 'run')}"
        line = Text.assemble(
            "  ", (f"{severity:<7}", STYLES[severity]), f"  {one.finding.id:<{longest}}  {runs}"
        )
        console.print(line, soft_wrap=True)
