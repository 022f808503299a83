"""The table that follows a training: its rows are the readings, drawn when there is time for it."""

import io
import re
import subprocess
import sys
import threading

import pytest
from rich.console import Console
from tests.scope.trainings import Kind, train

from landscope.reading import Reading, Status, Writer
from landscope.terminal import live_table
from landscope.terminal.live_table import LiveTable

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    """A clock that is set by hand, and moves on while something is drawn."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.drawing = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(live_table.time, "monotonic", hand.monotonic)
    found = live_table.find

    def slow(readings: list[Reading]) -> object:
        hand.now += hand.drawing
        return found(readings)

    monkeypatch.setattr(live_table, "find", slow)
    return hand


class Screen:
    """A terminal of its own, or a file that is none."""

    def __init__(self, *, terminal: bool = True, width: int = 120) -> None:
        self.file = io.StringIO()
        self.console = Console(file=self.file, force_terminal=terminal, width=width)

    @property
    def text(self) -> str:
        return ESCAPE.sub("", self.file.getvalue())

    @property
    def last(self) -> str:
        """What was drawn last."""
        starts = [found.start() for found in re.finditer(r"step +share", self.text)]
        return self.text[starts[-1] :]


def look(step: int, loss: float = 1.0, *more: Reading) -> list[Reading]:
    return [
        Reading(step, "gradient", "loss", loss),
        *more,
        Reading(step, "scope", "share", 0.042),
    ]


def give(table: LiveTable, *looks: list[Reading]) -> None:
    for readings in looks:
        for reading in readings:
            table.write(reading)


def dead(step: int, layer: str = "norm") -> Reading:
    return Reading(step, "norm_health", "dead_scales", 0.9, layer=layer)


def test_it_is_a_writer() -> None:
    assert isinstance(LiveTable(Screen().console), Writer)


def test_a_row_holds_the_readings_of_a_look(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    give(
        table,
        look(
            40,
            1.234,
            Reading(40, "step_size", "sharpness_lr", 1.75),
            Reading(40, "line[paper]", "beta_lr", 0.625),
            Reading(40, "step_size", "safe_lr", 0.2),
            Reading(40, "covariate_shift", "shift_cosine", 0.875, layer="conv"),
        ),
    )
    cells = screen.last.splitlines()[1].split()
    assert cells == ["40", "4.2%", "1.23", "1.75", "0.625", "0.2", "0.875", "(conv)"]
    assert "no finding so far" in screen.last
    table.close()


def test_a_reading_that_cannot_be_believed_is_no_number(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    doubtful = Reading(0, "line[paper]", "beta_lr", 0.625, status=Status.UNCONVERGED)
    give(table, look(0, 1.0, doubtful))
    assert "unconverged" in screen.last
    assert "0.625" not in screen.last
    table.close()


def test_the_last_looks_are_shown(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    for step in range(12):
        give(table, look(step))
        clock.now += 10.0
    steps = [line.split()[0] for line in screen.last.splitlines()[1:9]]
    assert steps == [str(step) for step in range(4, 12)]
    table.close()


def test_the_newest_finding_is_shown_with_how_many_more(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    for step in range(0, 50, 10):
        give(table, look(step, 1.0, dead(step)))
        clock.now += 10.0
    assert "dead" in screen.last
    assert "more)" not in screen.last
    nonfinite = Reading(50, "gradient", "loss", float("inf"), status=Status.NONFINITE)
    for reading in (nonfinite, dead(50), Reading(50, "scope", "share", 0.04)):
        table.write(reading)
    newest = " ".join(screen.last.split())
    assert "serious: " in newest
    assert "(1 more)" in newest
    table.close()


def test_of_findings_that_come_together_the_most_serious_is_shown(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    for step in range(0, 50, 10):
        table.write(dead(step))
        table.write(Reading(step, "gradient", "loss", float("inf"), status=Status.NONFINITE))
    table.write(Reading(40, "scope", "share", 0.04))
    assert "serious: " in screen.last
    assert "(1 more)" in " ".join(screen.last.split())
    table.close()


def test_it_is_drawn_no_more_often_than_a_twentieth_of_the_time_pays_for(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    clock.drawing = 2.0
    give(table, look(0))
    drawn = len(screen.text)
    clock.now += 39.0
    give(table, look(1))
    assert len(screen.text) == drawn
    clock.now += 2.0
    give(table, look(2))
    assert len(screen.text) > drawn
    table.close()


def test_looks_in_quick_succession_are_drawn_at_the_end(clock: Clock) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    give(table, look(0), look(1), look(2))
    assert [line.split()[0] for line in screen.last.splitlines()[1:2]] == ["0"]
    table.close()
    assert [line.split()[0] for line in screen.last.splitlines()[1:4]] == ["0", "1", "2"]


def test_the_cursor_comes_back_and_no_thread_is_left(clock: Clock) -> None:
    screen = Screen()
    before = threading.active_count()
    table = LiveTable(screen.console)
    give(table, look(0))
    assert threading.active_count() == before
    assert screen.file.getvalue().count("\x1b[?25l") == 1
    table.close()
    assert screen.file.getvalue().count("\x1b[?25h") == 1
    ended = screen.file.getvalue()
    table.close()
    assert screen.file.getvalue() == ended


def test_what_is_printed_meanwhile_stands_above(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    own = sys.stdout
    give(table, look(0))
    print("epoch 1")  # noqa: T201
    give(table, look(1))
    table.close()
    assert sys.stdout is own
    assert screen.text.index("epoch 1") < screen.text.index(screen.last)


def test_without_a_terminal_there_is_one_line_at_the_end(clock: Clock) -> None:
    screen = Screen(terminal=False, width=40)
    table = LiveTable(screen.console)
    for step in range(0, 50, 10):
        give(table, look(step, 1.0, dead(step)))
    assert screen.file.getvalue() == ""
    table.close()
    (line,) = screen.file.getvalue().splitlines()
    assert line.startswith("landscope: 5 measurements, the last at step 40; 1 finding, first ")
    assert "dead" in line


@pytest.mark.parametrize("terminal", [False, True])
def test_a_training_that_was_never_looked_at_prints_nothing(terminal: bool) -> None:
    screen = Screen(terminal=terminal)
    LiveTable(screen.console).close()
    assert screen.file.getvalue() == ""


@pytest.mark.parametrize("terminal", [False, True])
def test_names_of_layers_are_neither_markup_nor_control(terminal: bool, clock: Clock) -> None:
    screen = Screen(terminal=terminal, width=200)
    table = LiveTable(screen.console)
    name = "[red]a\x1b[2Jb[/red]"
    shift = Reading(0, "covariate_shift", "shift_cosine", 0.5, layer=name)
    give(table, look(0, 1.0, shift), *(look(step, 1.0, dead(step, name)) for step in range(5)))
    table.close()
    assert "\x1b[2J" not in screen.file.getvalue()
    assert "[red]a?[2Jb[/red]" in screen.text


def test_a_scope_shows_it_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    trained = train(Kind(), updates=5, every=1, live=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("landscope: 5 measurements, the last at step 4; ")
    assert trained.scope is not None
    train(Kind(), updates=2, every=1)
    assert capsys.readouterr().err == ""


def test_a_scope_takes_one_among_its_writers() -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    trained = train(Kind(), updates=3, every=1, to=table)
    assert trained.scope is not None
    losses = [r.value for r in trained.scope.readings if r.key == "gradient/loss"]
    for loss in losses:
        assert isinstance(loss, float)
        assert f"{float(f'{loss:.3g}'):,.7g}" in screen.last


def test_it_leaves_no_trace_in_the_training() -> None:
    screen = Screen()
    table = LiveTable(screen.console)
    assert train(Kind(), to=table, every=1).traces() == train(Kind()).traces()


def test_who_does_not_ask_for_it_does_not_load_it() -> None:
    script = "import sys, landscope; landscope.Scope; print('landscope.terminal' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
