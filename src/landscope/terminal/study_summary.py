"""A study in the terminal: its answers, and a line for each of its runs."""

import textwrap
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from landscope.claims import Verdict, answers
from landscope.records.run_records import RunRecords
from landscope.records.study_records import StudyRecords

_STYLES: dict[Verdict, str] = {
    "holds": "green",
    "fails": "red",
    "decided": "green",
    "undecided": "yellow",
    "not run": "dim",
}


def print_summary(console: Console, study: StudyRecords, report: Path | None) -> None:
    """Print the answers, the runs, and where the report is.

    Args:
        console: Where to.
        study: The study.
        report: Path of its report, where one has just been written.
    """
    for answer in answers(study):
        console.print()
        console.print(Text(answer.question, style="bold"))
        console.print(Text(f"  {answer.verdict}", style=_STYLES[answer.verdict]))
        for line in textwrap.wrap(answer.headline, max(40, console.width - 4)):
            console.print(Text(f"  {line}"))
    console.print()
    console.print(_runs(study))
    if study.manifest.get("seconds") is None:
        text = "Not all runs have ended: start the command that began the study again to go on."
        console.print(Text(text, style="yellow"))
    if report is not None:
        console.print(Text.assemble(("Report: ", "bold"), str(report)), soft_wrap=True)


def _runs(study: StudyRecords) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "outcome"):
        table.add_column(name, no_wrap=True)
    for name in ("train loss", "train acc.", "test acc.", "seconds"):
        table.add_column(name, justify="right")
    for run in study.runs.values():
        table.add_row(*map(Text, _row(run)))
    return table


def _row(run: RunRecords) -> list[str]:
    outcome = run.outcome
    ended = f"diverged at step {outcome.step}" if outcome.status == "diverged" else outcome.status
    return [
        run.id,
        ended,
        _last(run, "train_loss", "{:.4g}", 1),
        _last(run, "train_accuracy", "{:.1%}", 20),
        _last(run, "test_accuracy", "{:.1%}", 1),
        "" if outcome.seconds is None else f"{outcome.seconds:.1f}",
    ]


def _last(run: RunRecords, quantity: str, form: str, points: int) -> str:
    if not run.has("training", quantity):
        return ""
    _, values = run.series("training", quantity)
    return form.format(float(np.mean(values[-points:])))
