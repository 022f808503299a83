"""A study in the terminal: its answers, a line for each finding, and one for each of its runs."""

import math
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from landscope.findings import across
from landscope.norms.names import NORM_LABELS
from landscope.quantities import PAPER_LINE, STEP_SIZE, TRAINING, Quantity
from landscope.report.answer import Verdict
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.claims import answers
from landscope.studies.comparison import configuration as comparison
from landscope.studies.comparison.records import (
    ComparisonRecords,
    diverged,
    final_loss,
    median_of_looks,
    step_seconds,
)
from landscope.studies.santurkar2018 import experiments as santurkar2018
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
    console.print(study.of_kind(_TABLES)(study))
    if study.manifest.seconds is None:
        text = "Not all runs have ended: start the command that began the study again to go on."
        console.print(Text(text, style="yellow"))
    if report is not None:
        console.print(Text.assemble(("Report: ", "bold"), harmless(str(report))), soft_wrap=True)


def _runs(study: StudyRecords) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "outcome"):
        table.add_column(name, no_wrap=True)
    for name in ("train loss", "train acc.", "test acc.", "seconds"):
        table.add_column(name, justify="right")
    for run in study.runs.values():
        table.add_row(*map(plain, _row(run)))
    return table


def _compared(study: StudyRecords) -> Table:
    """A line for each norm at each learning rate, over its seeds."""
    nets = ComparisonRecords(study)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("norm", no_wrap=True)
    for name in ("lr", "loss", "over seeds", "diverged", "safe lr", "beta x lr", "ms/step"):
        table.add_column(name, justify="right", no_wrap=True)
    for norm in nets.norms:
        for lr in nets.lrs:
            runs = [run for run in nets.there(norm, lr) if run.outcome.ended]
            table.add_row(*map(plain, (NORM_LABELS.get(norm, norm), f"{lr:g}", *_over_seeds(runs))))
    return table


def _over_seeds(runs: list[RunRecords]) -> tuple[str, ...]:
    """Mean of the final loss and its range, how many diverged, and medians; blank where unknown."""
    ends = [loss for run in runs if math.isfinite(loss := final_loss(run))]
    loss = f"{np.mean(ends):.3g}" if ends else ""
    reach = f"{min(ends):.3g} to {max(ends):.3g}" if len(ends) > 1 else ""
    lost = sum(map(diverged, runs))
    looks = [
        [median_of_looks(run, quantity) for run in runs]
        for quantity in (STEP_SIZE.safe_lr, PAPER_LINE.beta_lr)
    ]
    times = [1e3 * step_seconds(run) for run in runs]
    return (loss, reach, f"{lost} of {len(runs)}", *(_median(values) for values in (*looks, times)))


def _median(values: list[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    return f"{np.median(known):.3g}" if known else ""


def _row(run: RunRecords) -> list[str]:
    outcome = run.outcome
    ended = f"diverged at step {outcome.step}" if outcome.status == "diverged" else outcome.status
    return [
        run.id,
        ended,
        _last(run, TRAINING.train_loss, "{:.4g}", 1),
        _last(run, TRAINING.train_accuracy, "{:.1%}", 20),
        _last(run, TRAINING.test_accuracy, "{:.1%}", 1),
        "" if outcome.seconds is None else f"{outcome.seconds:.1f}",
    ]


def _last(run: RunRecords, quantity: Quantity, form: str, points: int) -> str:
    if not run.has(quantity):
        return ""
    _, values = run.numbers(quantity)
    return form.format(float(np.mean(values[-points:])))


_TABLES: Mapping[str, Callable[[StudyRecords], Table]] = {
    santurkar2018.STUDY: _runs,
    comparison.STUDY: _compared,
}
"""The table of runs of each kind of study."""
