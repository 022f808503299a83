"""A single run in the terminal: how far it got, its last looks, and what was found."""

from rich.console import Console
from rich.text import Text

from landscope.findings import find
from landscope.findings.glance import HEADINGS, glances
from landscope.runs.run_records import RunRecords
from landscope.terminal.findings import looks_table, plain, print_findings
from landscope.text import counted

_SHOWN = 8  # looks


def print_run(console: Console, run: RunRecords) -> None:
    """Print a run's summary, its last looks and its findings, the most severe first.

    Args:
        console: Where to.
        run: The run, whether it has ended or still goes on.
    """
    readings = run.all_readings
    findings = find(readings, run.probes)
    console.print(plain(run.summary), style="bold", soft_wrap=True)
    rows = glances(readings, _SHOWN).rows
    if rows:
        # What no look has read has no column.
        read = [at for at in range(len(HEADINGS)) if any(row[at] for row in rows)]
        console.print()
        console.print(Text(f"The last {counted(len(rows), 'look')}"))
        cells = ([row[at] for at in read] for row in rows)
        console.print(looks_table([HEADINGS[at] for at in read], cells))
    console.print()
    print_findings(console, findings)


def print_run_status(console: Console, run: RunRecords) -> None:
    """Print how far a run is, and how often each of its probes measured.

    Args:
        console: Where to.
        run: The run, whether it has ended or still goes on.
    """
    console.print(plain(run.summary), style="bold", soft_wrap=True)
    measured = find(run.all_readings, run.probes).measured
    if measured:
        console.print()
        rows = [(probe, f"{count:,}") for probe, count in measured.items()]
        console.print(looks_table(("probe", "measurements"), rows))
