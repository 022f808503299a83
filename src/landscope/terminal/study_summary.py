"""A study in the terminal: its answers, a line for each finding, and one for each of its runs."""

import textwrap
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landscope.findings import across
from landscope.report.answer import Verdict
from landscope.runs.study_records import StudyRecords
from landscope.studies.kind import kind_of
from landscope.studies.publish import answers
from landscope.terminal.findings import plain, print_across
from landscope.text import harmless

_STYLES: dict[Verdict, str] = {
    "holds": "green",
    "fails": "red",
    "decided": "green",
    "undecided": "yellow",
    "not run": "dim",
}


def print_summary(console: Console, study: StudyRecords, report: Path | None) -> None:
    """Print the answers, the findings, the runs, and where the report is.

    Args:
        console: Where to.
        study: The study.
        report: Path of its report, where one has just been written.
    """
    found = across({run.id: run.all_readings for run in study.runs.values()})
    for answer in answers(study):
        console.print()
        console.print(plain(answer.question), style="bold")
        console.print(Text(f"  {answer.verdict}", style=_STYLES[answer.verdict]))
        for line in textwrap.wrap(answer.headline, max(40, console.width - 4)):
            console.print(plain(f"  {line}"))
    console.print()
    print_across(console, found)
    console.print()
    console.print(_table(study))
    if study.manifest.seconds is None:
        text = "Not all runs have ended: start the command that began the study again to go on."
        console.print(Text(text, style="yellow"))
    if report is not None:
        console.print(Text.assemble(("Report: ", "bold"), harmless(str(report))), soft_wrap=True)


def _table(study: StudyRecords) -> Table:
    headings, names, rows = kind_of(study).table(study)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="left" if at < names else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(plain, row))
    return table
