"""Findings in the terminal: in sentences for one run, and a line each for a study."""

import textwrap
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from landscope.findings import Finding, Severity
from landscope.findings.across import Across
from landscope.findings.phrase import counted
from landscope.terminal.plain_text import plain

STYLES: Mapping[Severity, str] = {"serious": "bold red", "warning": "yellow", "info": "cyan"}

_NONE = "Nothing is conspicuous."


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print each with its sentence, what helps, what it rests on and where it is explained."""
    if not findings:
        console.print(Text(_NONE))
    for number, finding in enumerate(findings):
        if number:
            console.print()
        style = STYLES[finding.severity]
        console.print(Text.assemble((finding.severity, style), "  ", (finding.id, "bold")))
        about = f"{finding.evidence.summary}. Reference: {finding.reference}."
        for words, dim in ((finding.sentence, ""), (finding.remedy, ""), (about, "dim")):
            for line in textwrap.wrap(words, max(40, console.width - 4)):
                console.print(Text("  ").append_text(plain(line)), style=dim)


def print_across(console: Console, found: Sequence[Across]) -> None:
    """Print a line for each finding of a study: how severe, its id, and how many runs show it."""
    console.print(Text("Findings", style="bold"))
    if not found:
        console.print(Text(f"  {_NONE}"))
    longest = max((len(one.finding.id) for one in found), default=0)
    for one in found:
        severity = one.finding.severity
        runs = f"in {one.count} of {counted(one.of, 'run')}"
        line = Text.assemble(
            "  ", (f"{severity:<7}", STYLES[severity]), f"  {one.finding.id:<{longest}}  {runs}"
        )
        console.print(line, soft_wrap=True)
