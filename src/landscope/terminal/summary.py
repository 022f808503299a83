"""A run or a study in the terminal: its progress, findings and answers."""

import textwrap
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landscope.findings import across, find
from landscope.findings.glance import HEADINGS, glances
from landscope.report.content import Verdict
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import RunState, RunStatus, StudyRecords, StudyStatus
from landscope.studies.kind import kind_of
from landscope.studies.publish import answers
from landscope.terminal.findings import measurements_table, plain, print_across, print_findings
from landscope.text import counted, duration, harmless

_SHOWN = 8  # measurements


def print_run(console: Console, run: RunRecords) -> None:
    """Print a run's summary, its last measurements and its findings, the most severe first.

    Args:
        console: Where to.
        run: The run, ended or still running.
    """
    readings = run.all_readings
    findings = find(readings, run.probes)
    console.print(plain(run.summary), style="bold", soft_wrap=True)
    rows = glances(readings, _SHOWN).rows
    if rows:
        # A quantity that was never read has no column.
        read = [at for at in range(len(HEADINGS)) if any(row[at] for row in rows)]
        console.print()
        console.print(Text(f"The last {counted(len(rows), 'measurement')}"))
        cells = ([row[at] for at in read] for row in rows)
        console.print(measurements_table([HEADINGS[at] for at in read], cells))
    console.print()
    print_findings(console, findings)


def print_run_status(console: Console, run: RunRecords) -> None:
    """Print how far a run is, and how often each of its probes measured.

    Args:
        console: Where to.
        run: The run, ended or still running.
    """
    console.print(plain(run.summary), style="bold", soft_wrap=True)
    measured = find(run.all_readings, run.probes).measured
    if measured:
        console.print()
        rows = [(probe, f"{count:,}") for probe, count in measured.items()]
        console.print(measurements_table(("probe", "measurements"), rows))


_VERDICTS: dict[Verdict, str] = {
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
        console.print(Text(f"  {answer.verdict}", style=_VERDICTS[answer.verdict]))
        for line in textwrap.wrap(answer.headline, max(40, console.width - 4)):
            console.print(plain(f"  {line}"))
    console.print()
    print_across(console, found)
    console.print()
    console.print(_table(study))
    if study.manifest.seconds is None:
        text = "Not all runs have ended: start the same command again to resume."
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


_STATES: dict[RunState, str] = {
    "finished": "green",
    "diverged": "green",
    "running": "cyan",
    "stopped": "yellow",
    "failed": "red",
    "missing": "dim",
}


def print_status(console: Console, status: StudyStatus) -> None:
    """Print the runs, why some failed, how many there are of each kind, and the time left."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("steps", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in status.runs:
        table.add_row(
            plain(run.id), Text(run.state, style=_STATES[run.state]), Text(_steps(run)),
            Text("" if run.seconds is None else duration(run.seconds)),
        )  # fmt: skip
    console.print(table)
    for run in status.runs:
        if run.failure is not None:
            where = f" ({run.failure.place})" if run.failure.place else ""
            console.print()
            console.print(Text.assemble(plain(run.id), " failed: "), style="red")
            console.print(Text.assemble("  ", plain(run.failure.reason + where)), soft_wrap=True)
    console.print()
    console.print(Text(_in_all(status)))


def _steps(run: RunStatus) -> str:
    if run.state == "diverged":
        return f"at {run.step}"
    done = run.steps if run.state == "finished" else 0 if run.step is None else run.step + 1
    return f"{done:,} of {run.steps:,}"


def _in_all(status: StudyStatus) -> str:
    counts = Counter(run.state for run in status.runs)
    parts = [f"{counts[state]} {state}" for state in _STATES if counts[state]]
    told = f"{len(status.runs)} runs: {', '.join(parts)}."
    if all(run.ended for run in status.runs):
        return told
    left = status.seconds_left
    time = "" if left is None else f" About {duration(left)} left."
    if status.conducted:
        return told + time
    return f"{told}{time} No process is working on it: start the same command again to resume."
