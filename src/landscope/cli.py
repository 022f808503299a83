"""The command line: parses and dispatches, decides nothing, and loads torch only to measure."""

import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import cyclopts
from cyclopts import App, Parameter
from rich.console import Console

import landscope
from landscope.errors import LandscopeError
from landscope.study.keeping import CHECKPOINT_SECONDS, keeping_of
from landscope.study.preset import PresetName
from landscope.terminal.options import AcceptChanges, CheckpointEvery, Device, Only, Workers
from landscope.terminal.refusal import refusal
from landscope.terminal.whole_number import whole_numbers

HELP = """See how normalisation shapes the loss landscape that your network trains on.

`landscope reproduce` measures the whole of "How Does Batch Normalization Help Optimization?"
(Santurkar et al. 2018) on this machine, in minutes, and writes a report. `landscope compare` trains
your own model with each norm and says which serves it best; `landscope init` writes a file to begin
from. In a training loop of your own, `landscope.Scope` measures and `landscope show` prints what it
found.

A study that is stopped, even killed, goes on where it was with the same command. Exit codes:
0 done, 1 could not be done, 2 no such command, 130 interrupted, 143 terminated.
"""

app = App(
    name="landscope",
    help=HELP,
    version=landscope.__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,  # who interrupts a study is told how to go on with it
)


def _spaced(values: tuple[object, ...]) -> str:
    """A list as it is typed."""
    return " ".join(map(str, values))


Study = Annotated[Path, Parameter(help="Folder of a study, such as `runs/quick-seed0`.")]


@app.command
def reproduce(
    *,
    preset: Annotated[
        PresetName,
        Parameter(
            help="Size: `quick` takes minutes on 2 cores and needs no download; `standard` takes "
            "CIFAR-10 and up to an hour; `paper` has the paper's own sizes, for a GPU."
        ),
    ] = "quick",
    figure: Annotated[
        tuple[int, ...],
        Parameter(
            help="Figures of the paper, 1 to 6 or 8 to 13, as in `--figure 3 4`, to run only what "
            "they take. All unless given.",
            converter=whole_numbers,
            consume_multiple=1,
            negative="",
            show_default=False,
        ),
    ] = (),
    seed: Annotated[
        int,
        Parameter(
            help="Seed of weights, data order and noise, 0 or more.", converter=whole_numbers
        ),
    ] = 0,
    device: Device = None,
    out: Annotated[
        Path | None,
        Parameter(
            help="Folder of the study; `runs/` and the order's name unless given. Started again "
            "there, it goes on where it was."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        Parameter(help="Folder that has CIFAR-10's binary version, instead of fetching it."),
    ] = None,
    workers: Workers = None,
    run: Only = (),
    checkpoint_every: CheckpointEvery = CHECKPOINT_SECONDS,
    accept_changes: AcceptChanges = False,
) -> None:
    """Measure the paper's experiments: train, probe, draw its figures and write a report."""
    from landscope.reproduce import Order
    from landscope.reproduce import reproduce as carry_out
    from landscope.study.preset import load_preset
    from landscope.study.santurkar2018 import check_figures, check_seed, default_folder
    from landscope.terminal.study_progress import showing_progress

    figures = check_figures(figure)
    check_seed(seed)
    order = Order(
        preset=load_preset(preset),
        figures=figures,
        seed=seed,
        device=device,
        out=out or default_folder(preset, seed, figures),
        data_dir=data_dir,
        workers=workers,
        only=run,
        keeping=keeping_of(checkpoint_every, accept_changes),
    )
    with showing_progress() as listener:
        report = carry_out(order, listener)
    _show_or_status(order.out, report)


@app.command
def compare(
    model: Annotated[
        str,
        Parameter(
            help="Your function that makes the model, as `module:make_model` or "
            "`path/to/file.py:make_model`: called without arguments under PyTorch's seed. A module "
            "alone means its `make_model`."
        ),
    ],
    /,
    *,
    data: Annotated[
        str | None,
        Parameter(
            help="Your function `make_batches(seed)`: an iterable of batches, pairs (inputs, "
            "targets) or whatever the loss takes; called again for each epoch. That of the model's "
            "module unless given.",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        Parameter(
            help="Your function `loss_fn(model, batch)`, one number. Cross-entropy on (inputs, "
            "targets) unless given."
        ),
    ] = None,
    optimizer: Annotated[
        str,
        Parameter(
            help="`sgd` (without momentum), `adamw`, or your function `make_optimizer(model, lr)` "
            "as `module:make_optimizer`."
        ),
    ] = "sgd",
    norms: Annotated[
        tuple[str, ...],
        Parameter(
            help="Norms that take the place of the model's: none, batch, group, layer, instance, "
            "rms, l1, l2, linf, noisy-batch, noise; or as-is, the model as it is given.",
            consume_multiple=1,
            negative="",
            show_default=_spaced,
        ),
    ] = ("none", "batch", "group", "rms"),
    lrs: Annotated[
        tuple[float, ...],
        Parameter(help="Learning rates.", consume_multiple=1, negative="", show_default=_spaced),
    ] = (0.1, 0.01),
    seeds: Annotated[
        tuple[int, ...],
        Parameter(
            help="Seeds of weights, batches and noise; with fewer than 3 nothing is decided.",
            converter=whole_numbers,
            consume_multiple=1,
            negative="",
            show_default=_spaced,
        ),
    ] = (0, 1, 2),
    steps: Annotated[int, Parameter(help="Updates of each run.", converter=whole_numbers)] = 300,
    every: Annotated[
        int | None,
        Parameter(
            help="Steps between two looks of the probes; a twentieth of the steps unless given.",
            converter=whole_numbers,
        ),
    ] = None,
    insert: Annotated[
        bool,
        Parameter(help="Put norms behind layers that have none.", negative="", show_default=False),
    ] = False,
    out: Annotated[
        Path | None,
        Parameter(
            help="Folder of the study; `runs/compare-` and the module's name unless given. Started "
            "again there, with more norms, rates or seeds if you like, it goes on."
        ),
    ] = None,
    device: Device = None,
    workers: Workers = None,
    run: Only = (),
    checkpoint_every: CheckpointEvery = CHECKPOINT_SECONDS,
    accept_changes: AcceptChanges = False,
) -> None:
    """Train your own model with each norm and compare: speed, stability, smoothness, cost.

    For each seed all norms begin with the same weights and see the same batches. This is the one
    command that runs your code: it loads the files that you name.
    """
    from landscope.compare import ComparisonOrder
    from landscope.compare import compare as carry_out
    from landscope.study.comparison import default_folder, plan
    from landscope.terminal.study_progress import showing_progress

    comparison = plan(
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
    )
    order = ComparisonOrder(
        comparison,
        device,
        out or default_folder(comparison),
        workers,
        run,
        keeping_of(checkpoint_every, accept_changes),
    )
    with showing_progress() as listener:
        path = carry_out(order, listener)
    _show_or_status(order.out, path)


@app.command
def init(
    file: Annotated[Path, Parameter(help="File to write; never one that is there already.")] = Path(
        "my_norms.py"
    ),
    /,
) -> None:
    """Write a commented file to begin a comparison from; it runs as it is."""
    from landscope.study.starter import write_starter

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
    """Draw the figures and write the report of a study again, from its records alone."""
    from landscope.publish import publish
    from landscope.terminal.study_progress import showing_progress

    with showing_progress() as listener:
        path = publish(study, listener.phase)
    _show(study, path)


@app.command
def status(study: Study, /) -> None:
    """Say which runs of a study are done, running, stopped, failed or missing, and the time left.

    From its folder alone, also while another process is at work on it.
    """
    _status(study)


@app.command
def show(
    folder: Annotated[
        Path,
        Parameter(
            help="Folder of a study, such as `runs/quick-seed0`, or of a run, as it was given to "
            "`Scope(to=...)`."
        ),
    ],
    /,
) -> None:
    """Print a study's answers, findings and runs, or a run's last looks and findings.

    From the records alone, also while a training still goes on.
    """
    from landscope.records.run_records import is_run, read_run
    from landscope.terminal.run_summary import print_run

    if is_run(folder):
        print_run(Console(), read_run(folder))
    else:
        _show(folder, None)


@app.command
def export(
    study: Study,
    to: Annotated[Path, Parameter(help="File to write; its ending chooses: .parquet or .csv.")],
    /,
    *,
    times: Annotated[
        bool,
        Parameter(
            help="Whether what a clock measured is in it; without, two studies that were run alike "
            "give the same bytes."
        ),
    ] = True,
) -> None:
    """Write all readings of a study as one table, for other tools."""
    from landscope.records import export_table, read_study

    rows = export_table(read_study(study).runs.values(), to, times=times)
    Console().print(f"{rows:,} rows written to {to}", markup=False, highlight=False, soft_wrap=True)


def _show_or_status(study: Path, report: Path | None) -> None:
    """What came out of a study, or how far it is where runs are left."""
    if report is None:
        _status(study)
    else:
        _show(study, report)


def _status(study: Path) -> None:
    from landscope.records.folder import StudyFolder
    from landscope.records.study_status import study_status
    from landscope.terminal.study_status import print_status

    print_status(Console(), study_status(StudyFolder(study)))


def _show(study: Path, report: Path | None) -> None:
    from landscope.records import read_study
    from landscope.terminal.study_summary import print_summary

    print_summary(Console(), read_study(study), report)


class _Terminated(KeyboardInterrupt):
    """The system, or a scheduler, asks the process to end."""


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
            f"{echoed}{what}. Nothing that was measured is lost: start the same command again to "
            "go on.",
            style="yellow",
        )
        sys.exit(143 if isinstance(stop, _Terminated) else 130)
    except BrokenPipeError:
        # Whoever read our output has gone, as with `| head`; there is nobody left to tell.
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
