"""Findings in the terminal: in sentences for one run, and a line each for a study."""

import textwrap
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from landscope.findings import Findings, Severity
from landscope.findings.finding import NO_PROBLEMS
from landscope.findings.phrase import counted
from landscope.findings.table import Across
from landscope.terminal.plain_text import plain

STYLES: Mapping[Severity, str] = {"serious": "bold red", "warning": "yellow", "info": "cyan"}


def print_findings(console: Console, findings: Findings) -> None:
    """Print each with its sentence, what helps, what it rests on and where it is explained."""
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
