"""Progress of a study: bars in a terminal, plain lines where there is none."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from landscope.cost import ProbeCost
from landscope.studies.kind import RunConfig
from landscope.studies.listener import Listener
from landscope.studies.listener import Progress as RunProgress
from landscope.text import duration, harmless

_PLAIN_SECONDS = 10.0
_RATE_SECONDS = 1.0


@contextmanager
def showing_progress() -> Generator[Listener]:
    """A listener that shows a study's progress on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainLines(console)
        return
    with Bars(console) as bars:
        yield bars


def _opening(title: str, out: Path, done: list[str]) -> str:
    before = f", {len(done)} of them done before" if done else ""
    return f"{title}{before} -> {out}"


def _lines(text: str) -> str:
    """A text of several lines, such as a traceback, without control characters."""
    return "\n".join(map(harmless, text.split("\n")))


class _Clock:
    """Steps a second since the first step, without the time that the workers took to start."""

    def __init__(self) -> None:
        self._start: tuple[int, float] | None = None

    def rate(self, steps: int, now: float) -> float | None:
        """None until there are enough steps and seconds to estimate it."""
        if self._start is None and steps > 0:
            self._start = (steps, now)
        if self._start is None or now - self._start[1] < _RATE_SECONDS:
            return None
        return (steps - self._start[0]) / (now - self._start[1]) or None


class PlainLines(Listener):
    """A line when a run begins and ends, and one every few seconds between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock = _Clock()
        self._told = time.monotonic()
        self._total = 0
        self._steps: dict[str, int] = {}

    def begin(self, title: str, out: Path, runs: Sequence[RunConfig], done: list[str]) -> None:
        """Print what the study is about to do."""
        self._say(_opening(title, out, done))
        self._total = sum(run.steps for run in runs if run.id not in done)

    def costs(self, costs: Mapping[str, list[ProbeCost]]) -> None:
        """Print them as a table."""
        self._console.print(costs_table(costs))

    def progress(self, progress: RunProgress) -> None:
        """Print where a run is, if it is new or enough time has passed."""
        known = progress.run in self._steps
        self._steps[progress.run] = progress.step
        now = time.monotonic()
        ended = progress.step == progress.steps
        if known and not ended and now - self._told < _PLAIN_SECONDS:
            return
        self._told = now
        steps = sum(self._steps.values())
        rate = self._clock.rate(steps, now)
        left = f"about {duration((self._total - steps) / rate)} left" if rate else ""
        tail = f", {rate:.1f} steps/s, {left}" if rate else ""
        self._say(f"{progress.run}: {progress.phase} {progress.step}/{progress.steps}{tail}")

    def phase(self, name: str) -> None:
        """Say it."""
        self._say(name)

    def failed(self, run: str, reason: str) -> None:
        """Say it."""
        for line in _lines(f"{run} failed: {reason}").split("\n"):
            self._say(line)

    def _say(self, text: str) -> None:
        self._console.print(
            harmless(text), markup=False, emoji=False, highlight=False, soft_wrap=True
        )


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} steps/s" if speed else "", style="dim")


class Bars(Listener):
    """A bar for the whole study, and one for each run at work."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._whole: TaskID | None = None
        self._runs: dict[str, TaskID] = {}
        self._steps: dict[str, int] = {}

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, title: str, out: Path, runs: Sequence[RunConfig], done: list[str]) -> None:
        """Print what the study is about to do, and show the bar for the whole."""
        self._console.print(
            harmless(_opening(title, out, done)),
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )
        total = sum(run.steps for run in runs if run.id not in done)
        self._whole = self._bars.add_task("all runs", total=total)

    def costs(self, costs: Mapping[str, list[ProbeCost]]) -> None:
        """Print them as a table above the bars."""
        self._console.print(costs_table(costs))

    def progress(self, progress: RunProgress) -> None:
        """Move a run's bar and that of the whole; a run that has ended leaves a line."""
        if progress.run not in self._runs:
            self._runs[progress.run] = self._bars.add_task(
                harmless(progress.run), total=progress.steps
            )
        self._steps[progress.run] = progress.step
        bar = self._runs[progress.run]
        self._bars.update(
            bar, completed=progress.step, description=harmless(f"{progress.run}: {progress.phase}")
        )
        if self._whole is not None:
            self._bars.update(self._whole, completed=sum(self._steps.values()))
        if progress.step == progress.steps:
            self._bars.update(bar, visible=False)
            self._console.print(
                harmless(f"{progress.run}: {progress.phase}"),
                highlight=False,
                markup=False,
                emoji=False,
                soft_wrap=True,
            )

    def phase(self, name: str) -> None:
        """Show a bar without a length."""
        for bar in self._runs.values():
            self._bars.update(bar, visible=False)
        if self._whole is not None:
            self._bars.update(self._whole, visible=False)
        self._whole = self._bars.add_task(name, total=None)

    def failed(self, run: str, reason: str) -> None:
        """Print it above the bars, and take the run's bar down."""
        self._console.print(
            _lines(f"{run} failed: {reason}"),
            highlight=False,
            markup=False,
            emoji=False,
            style="red",
        )
        if run in self._runs:
            self._bars.update(self._runs[run], visible=False)


def costs_table(costs: Mapping[str, list[ProbeCost]]) -> Table:
    """A line for each probe of each kind of network, and their sum.

    Args:
        costs: By the name of the network.
    """
    table = Table(
        title="What the probes will cost, in arithmetic",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    table.add_column("network")
    table.add_column("probe")
    for heading in ("each, in steps", "measurements", "of training"):
        table.add_column(heading, justify="right")
    for network, probes in costs.items():
        for number, cost in enumerate(probes):
            table.add_row(
                "" if number else network,
                cost.probe.replace("[", r"\["),
                f"{cost.look:.1f}",
                f"{cost.looks}",
                f"{cost.share:.0%}",
            )
        table.add_row("", "together", "", "", f"{sum(cost.share for cost in probes):.0%}")
        table.add_section()
    return table
