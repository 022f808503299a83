"""The commands that are let down by the disk: a run, the report and the export of a study."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.comparison_study import Compared
from tests.small_runs import CPU, dln

from landscope.cli import main
from landscope.errors import LandscopeError
from landscope.reading import Reading
from landscope.runs import RunFolder, read_run, read_study
from landscope.runs.run_records import is_run
from landscope.studies.engine import run
from landscope.studies.santurkar2018.training import PaperTraining

CONFIG = dln(steps=2, probes=("line",))


@dataclass(frozen=True)
class Told:
    """What a command said at its end.

    Args:
        code: Its exit code, 0 where it did what it should.
        text: Its error; value, rule and remedy.
        crash: Any exception that is not landscope's.
    """

    code: int
    text: str = ""
    crash: str = ""


@dataclass(frozen=True)
class Command:
    """Something that writes.

    Args:
        name: What it is called.
        prepare: Makes a folder ready for it.
        do: Does it.
        flaws: What is wrong with the folder's data; ``ended`` says that it should all be there.
    """

    name: str
    prepare: Callable[[Path], None]
    do: Callable[[Path], None]
    flaws: Callable[[Path, bool], list[str]]


def attempt(command: Command, folder: Path) -> Told:
    """Does a command, and tells how it ended as the command line would."""
    errors = io.StringIO()
    try:
        with redirect_stderr(errors), redirect_stdout(io.StringIO()):
            command.do(folder)
    except LandscopeError as error:
        return Told(error.exit_code, str(error))
    except SystemExit as end:
        text = errors.getvalue().strip().rpartition("landscope: ")[2]
        return Told(end.code if isinstance(end.code, int) else -1, text)
    except BaseException as error:
        return Told(-1, crash=f"{type(error).__name__}: {error}")
    return Told(0)


@dataclass
class _Run:
    """A training, and what its records should be."""

    expected: tuple[Reading, ...] = field(default_factory=tuple[Reading, ...])

    def do(self, folder: Path) -> None:
        """Train, where that has not been done to the end."""
        place = RunFolder(folder / CONFIG.id)
        if not place.outcome().ended:
            # A checkpoint after each step, so that all its writes are among those that fail.
            run(PaperTraining, CONFIG, place, CPU, lambda _: None, checkpoint_every=0.0)

    def flaws(self, folder: Path, ended: bool) -> list[str]:
        """What is wrong: every line is the one that an undisturbed run writes, or is not there."""
        path = folder / CONFIG.id
        if not is_run(path):
            return ["there is no run"] if ended else []
        try:
            records = read_run(path)
            got, outcome = _timeless(records.all_readings), records.outcome
        except LandscopeError as error:
            return [f"the records cannot be read: {error}"]
        if not self.expected:
            self.expected = got
        flaws = [] if got == self.expected[: len(got)] else ["the readings are others"]
        if ended and (not outcome.ended or len(got) != len(self.expected)):
            flaws.append("the run has not ended")
        if outcome.ended and not (path / "weights.safetensors").exists():
            flaws.append("it has ended without its weights")
        return flaws


def _timeless(readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Readings without what differs from run to run: how long they took."""
    kept = [reading for reading in readings if reading.unit != "s"]
    return tuple(replace(reading, seconds=0.0) for reading in kept)


def _write_study(folder: Path) -> None:
    Compared(norms=("none", "batch"), lrs=(0.1,), seeds=(0,)).write(folder / "study")


def _study_flaws(folder: Path, _: bool) -> list[str]:
    try:
        for one in read_study(folder / "study").runs.values():
            _ = one.all_readings
    except LandscopeError as error:
        return [f"the records cannot be read: {error}"]
    return []


class _Made:
    """A command that makes files anew: each is the old one or the new one, whole."""

    def __init__(self, arguments: Callable[[Path], list[str]], *files: str) -> None:
        self._arguments, self._files = arguments, files
        self._whole: dict[str, int] = {}

    def do(self, folder: Path) -> None:
        """Make them."""
        main(self._arguments(folder))

    def flaws(self, folder: Path, ended: bool) -> list[str]:
        """What is wrong with them."""
        flaws = _study_flaws(folder, ended)
        for name in self._files:
            path = folder / name
            if not path.exists():
                flaws += [f"{name} is missing"] if ended else []
                continue
            size = path.stat().st_size
            if size != self._whole.setdefault(name, size):
                flaws.append(f"{name} is not whole: {size} bytes")
        return flaws


def commands() -> list[Command]:
    """All of them, fresh."""
    one = _Run()
    report = _Made(
        lambda folder: ["report", str(folder / "study")],
        "study/report.html",
        "study/figures/figure-01.svg",
        "study/figures/figure-06.png",
    )
    export = _Made(
        lambda folder: ["export", str(folder / "study"), str(folder / "table.csv")], "table.csv"
    )
    return [
        Command("run", lambda folder: folder.mkdir(exist_ok=True), one.do, one.flaws),
        Command("report", _write_study, report.do, report.flaws),
        Command("export", _write_study, export.do, export.flaws),
    ]


def temporary_files(folder: Path) -> list[str]:
    """What an interrupted write has left behind."""
    return [path.name for path in folder.rglob(".*.tmp")]
