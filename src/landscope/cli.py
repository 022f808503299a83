"""The command line: it parses and dispatches, and loads torch only to measure."""

import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import cyclopts
from cyclopts import App, Parameter
from rich.console import Console

import landscope
from landscope.errors import LandscopeError, UsageError
from landscope.files import expanded
from landscope.studies.kind import CHECKPOINT_SECONDS, Kind, Order
from landscope.terminal import options
from landscope.terminal.refusal import refusal

HELP = """See how normalisation shapes the loss landscape that your network trains on.

`landscope reproduce` measures all of "How Does Batch Normalization Help Optimization?" (Santurkar
et al. 2018) on this machine, in minutes, and writes a report. `landscope compare` trains your own
model with each norm and says which works best; `landscope init` writes a file to start from. In
your own training loop, `landscope.Scope` measures and `landscope show` prints what it found.

If a study is stopped, even killed, the same command resumes it. Exit codes: 0 success, 1 failure, 2
invalid request, 130 interrupted, 143 terminated.
"""

app = App(
    name="landscope",
    help=HELP,
    version=landscope.__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,  # whoever interrupts a study learns how to resume it
)


Study = Annotated[Path, Parameter(help="Folder of a study, such as `runs/quick-seed0`.")]
Folder = Annotated[
    Path,
    Parameter(
        help="Folder of a study, such as `runs/quick-seed0`, or of a run, as it was given to "
        "`Scope(to=...)`."
    ),
]


@app.command
def reproduce(
    *,
    preset: options.Preset = "quick",
    figure: options.Figures = (),
    seed: options.Seed = 0,
    device: options.Device = None,
    out: options.Out = None,
    data_dir: options.DataDir = None,
    workers: options.Workers = None,
    run: options.Only = (),
    checkpoint_every: options.CheckpointEvery = CHECKPOINT_SECONDS,
    accept_changes: options.AcceptChanges = False,
) -> None:
    """Measure the paper's experiments: train, probe, draw its figures and write a report."""
    from landscope.studies.santurkar2018.experiments import load_preset
    from landscope.studies.santurkar2018.study import Santurkar2018

    study = Santurkar2018(load_preset(preset), figure, seed, data_dir and expanded(data_dir))
    where = expanded(out or study.default_folder())
    _run(study, Order(where, device, workers, run, checkpoint_every, accept_changes))


@app.command
def compare(
    model: options.Model,
    /,
    *,
    data: options.Data = None,
    loss: options.Loss = None,
    optimizer: options.Optimizer = "sgd",
    norms: options.Norms = ("none", "batch", "group", "rms"),
    lrs: options.LearningRates = (0.1, 0.01),
    seeds: options.Seeds = (0, 1, 2),
    steps: options.Steps = 300,
    every: options.Every = None,
    insert: options.Insert = False,
    also: options.Also = (),
    keep: options.Keep = (),
    out: options.OutOfComparison = None,
    device: options.Device = None,
    workers: options.Workers = None,
    run: options.Only = (),
    checkpoint_every: options.CheckpointEvery = CHECKPOINT_SECONDS,
    accept_changes: options.AcceptChanges = False,
) -> None:
    """Train your own model with each norm and compare: speed, stability, smoothness, cost.

    For each seed all norms start with the same weights and see the same batches. This is the only
    command that runs your code: it loads the files that you name.
    """
    from landscope.studies.comparison.study import plan

    study = plan(
        model,
        data,
        loss,
        optimizer,
        norms=norms,
        lrs=lrs,
        seeds=seeds,
        steps=steps,
        every=every,
        insert=insert,
        also=also,
        keep=keep,
    )
    where = expanded(out or study.default_folder())
    _run(study, Order(where, device, workers, run, checkpoint_every, accept_changes))


@app.command
def init(
    file: Annotated[Path, Parameter(help="File to write; it must not exist.")] = Path(
        "my_norms.py"
    ),
    /,
) -> None:
    """Write a commented file to start a comparison from; it runs as it is."""
    from landscope.studies.comparison.functions import write_starter

    file = expanded(file)
    command = write_starter(file)
    Console().print(
        f"{file} written. Try it as it is, then make it yours:\n\n  {command}",
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command
def report(study: Study, /) -> None:
    """Draw the figures and write the report of a study again, from its records only."""
    from landscope.runs.run_records import is_run
    from landscope.studies.publish import publish
    from landscope.terminal.study_progress import showing_progress

    study = expanded(study)
    if is_run(study):
        raise UsageError(
            str(study),
            "it is a single run, but a report describes a study",
            f"use `landscope show {study}`, or landscope.Run({str(study)!r}).plot() in Python",
        )
    with showing_progress() as listener:
        path = publish(study, listener.phase)
    _show(study, path)


@app.command
def status(folder: Folder, /) -> None:
    """Say which runs of a study are done, running, stopped, failed or missing, and the time left.

    For a single run it says how far it is and how often each probe measured. Reads only the folder,
    also while another process is working on it.
    """
    from landscope.runs.run_records import is_run, read_run
    from landscope.terminal.summary import print_run_status

    if is_run(folder):
        print_run_status(Console(), read_run(folder))
    else:
        _status(folder)


@app.command
def show(
    folder: Folder,
    /,
) -> None:
    """Print a study's answers, findings and runs, or a run's last measurements and findings.

    Reads only the records, also while the training is still running.
    """
    from landscope.runs.run_records import is_run, read_run
    from landscope.terminal.summary import print_run

    if is_run(folder):
        print_run(Console(), read_run(folder))
    else:
        _show(folder, None)


@app.command
def export(
    folder: Folder,
    to: Annotated[Path, Parameter(help="File to write; its ending chooses: .parquet or .csv.")],
    /,
    *,
    times: Annotated[
        bool,
        Parameter(
            help="Whether to include what a clock measured. Without it, two equal studies give the "
            "same bytes."
        ),
    ] = True,
) -> None:
    """Write all readings of a study, or of a single run, as one table, for other tools."""
    from landscope.runs import export_table, read_study
    from landscope.runs.run_records import is_run, read_run

    runs = [read_run(folder)] if is_run(folder) else read_study(folder).runs.values()
    to = expanded(to)
    rows = export_table(runs, to, times=times)
    Console().print(f"{rows:,} rows written to {to}", markup=False, highlight=False, soft_wrap=True)


def _run(study: Kind, order: Order) -> None:
    """Run a study and show what came out, or how far it is where runs are left."""
    from landscope.studies.engine import run_study
    from landscope.terminal.study_progress import showing_progress

    with showing_progress() as listener:
        report = run_study(study, order, listener)
    if report is None:
        _status(order.out)
    else:
        _show(order.out, report)


def _status(study: Path) -> None:
    from landscope.runs.folder import StudyFolder
    from landscope.runs.study_records import study_status
    from landscope.terminal.summary import print_status

    print_status(Console(), study_status(StudyFolder(study)))


def _show(study: Path, report: Path | None) -> None:
    from landscope.runs import read_study
    from landscope.terminal.summary import print_summary

    print_summary(Console(), read_study(study), report)


class _Terminated(KeyboardInterrupt):
    """The system, or a scheduler, asked the process to end."""


def _terminate(*_: object) -> NoReturn:
    raise _Terminated


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # The name of a folder may hold what the terminal's encoding does not.
            stream.reconfigure(errors="backslashreplace")
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        _refuse(refusal(error, app))
    except LandscopeError as error:
        _refuse(error)
    except KeyboardInterrupt as stop:
        echoed = "\n" if sys.stderr.isatty() else ""  # after the ^C of a terminal
        what = "Terminated" if isinstance(stop, _Terminated) else "Interrupted"
        _tell(
            f"{echoed}{what}. No measurement is lost: start the same command again to resume.",
            style="yellow",
        )
        sys.exit(143 if isinstance(stop, _Terminated) else 130)
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`.
        sys.stderr.close()
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse(error: LandscopeError) -> NoReturn:
    _tell(f"landscope: {error}", style="red")
    sys.exit(error.exit_code)


def _tell(text: str, style: str) -> None:
    """Print one line on standard error, however long it is."""
    errors = Console(stderr=True)
    errors.print(text, style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)
