"""How far a study is, in the terminal: a line for each run, and what is left."""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landscope.runs.study_status import RunState, RunStatus, StudyStatus
from landscope.terminal.findings import plain
from landscope.text import duration

_STYLES: dict[RunState, str] = {
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
            plain(run.id), Text(run.state, style=_STYLES[run.state]), Text(_steps(run)),
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
    parts = [f"{counts[state]} {state}" for state in _STYLES if counts[state]]
    told = f"{len(status.runs)} runs: {', '.join(parts)}."
    if all(run.ended for run in status.runs):
        return told
    left = status.seconds_left
    time = "" if left is None else f" About {duration(left)} left."
    if status.conducted:
        return told + time
    return f"{told}{time} Nobody is at work on it: start the command that began it to go on."
