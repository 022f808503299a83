"""Progress of a study: plain lines where there is no terminal, bars where there is one."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from tests.tiny_study import tiny_study

from landscope.studies.listener import Listener, Progress
from landscope.terminal import study_progress
from landscope.terminal.study_progress import Bars, PlainLines, showing_progress

OUT = Path("[runs]/tiny")
STUDY = tiny_study((9,), steps=200)
RUNS = STUDY.runs()
PLAIN, BATCH = (run.id for run in RUNS)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(study_progress.time, "monotonic", hand.monotonic)
    return hand


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_plain_lines_say_phase_rate_and_time_left(clock: Clock) -> None:
    console = Console(file=io.StringIO(), width=40)
    told = PlainLines(console)
    told.begin(STUDY.title(), OUT, RUNS, [])
    assert lines(console) == ["quick: 2 runs for figures 9 -> [runs]/tiny"]
    told.progress(Progress(PLAIN, "setting up", 0, 200))
    clock.now += 60.0  # what the worker took to start says nothing of the rate
    told.progress(Progress(PLAIN, "training", 10, 200))
    clock.now += 9.0
    told.progress(Progress(PLAIN, "training", 55, 200))
    assert len(lines(console)) == 3
    clock.now += 11.0
    told.progress(Progress(PLAIN, "training", 110, 200))
    # 100 steps in 20 s, and 290 of 400 are left.
    assert lines(console)[1:] == [
        f"{PLAIN}: setting up 0/200",
        f"{PLAIN}: training 10/200",
        f"{PLAIN}: training 110/200, 5.0 steps/s, about 58 s left",
    ]


def test_a_run_that_begins_or_ends_is_always_told(clock: Clock) -> None:
    console = Console(file=io.StringIO())
    told = PlainLines(console)
    told.begin(STUDY.title(), OUT, RUNS, [PLAIN])
    told.progress(Progress(BATCH, "setting up", 0, 200))
    told.progress(Progress(BATCH, "diverged", 200, 200))
    told.phase("drawing figures")
    told.failed(PLAIN, "[why]")
    assert lines(console) == [
        "quick: 2 runs for figures 9, 1 of them done before -> [runs]/tiny",
        f"{BATCH}: setting up 0/200",
        f"{BATCH}: diverged 200/200",
        "drawing figures",
        f"{PLAIN} failed: [why]",
    ]


@pytest.mark.parametrize(
    ("seconds_a_step", "left"), [(0.1, "29 s"), (1.0, "5 min"), (36.0, "2.9 h")]
)
def test_a_time_to_wait_has_a_unit_that_fits_it(
    clock: Clock, seconds_a_step: float, left: str
) -> None:
    console = Console(file=io.StringIO())
    told = PlainLines(console)
    told.begin(STUDY.title(), OUT, RUNS, [])
    for step in (10, 60, 110):
        clock.now += 50 * seconds_a_step
        told.progress(Progress(PLAIN, "training", step, 200))
    told.progress(Progress(PLAIN, "training", 110, 200))
    clock.now += 100.0 * seconds_a_step
    assert f"about {left} left" in lines(console)[-1]


def test_bars_show_the_whole_and_each_run_and_what_has_ended() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Bars(console) as bars:
        bars.begin(STUDY.title(), OUT, RUNS, [])
        bars.progress(Progress(PLAIN, "setting up", 0, 200))
        bars.progress(Progress(PLAIN, "training", 50, 200))
        bars.progress(Progress(BATCH, "[training]", 20, 200))
        shown = text_of(bars)
        assert re.search(rf"{PLAIN}: training .* 50/200", shown)
        assert re.search(rf"{BATCH}: \[training\] .* 20/200", shown)
        assert re.search(r"all runs .* 70/400", shown)
        bars.progress(Progress(PLAIN, "diverged", 200, 200))
        bars.failed(BATCH, "[why] it\nfailed")
        assert PLAIN not in text_of(bars)
        assert BATCH not in text_of(bars)
        assert re.search(r"all runs .* 220/400", text_of(bars))
        bars.phase("drawing figures")
        assert "all runs" not in text_of(bars)
        assert "drawing figures" in text_of(bars)
    written = "\n".join(lines(console))
    assert "quick: 2 runs for figures 9 -> [runs]/tiny" in written
    assert f"{PLAIN}: diverged" in written
    assert f"{BATCH} failed: [why] it" in written


def text_of(bars: Bars) -> str:
    """What the bars look like now."""
    console = Console(file=io.StringIO(), width=120)
    console.print(bars._bars.get_renderable())
    return "\n".join(lines(console))


@pytest.mark.parametrize("width", [1, 20])
def test_a_narrow_terminal_is_no_trouble(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    with Bars(console) as bars:
        bars.begin(STUDY.title(), OUT, RUNS, [PLAIN, BATCH])
        bars.progress(Progress(PLAIN, "training", 1, 200))
        bars.phase("drawing figures")


@pytest.mark.parametrize(("forced", "kind"), [("1", Bars), ("", PlainLines)])
def test_a_terminal_decides_which(
    monkeypatch: pytest.MonkeyPatch, forced: str, kind: type[Listener]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", forced)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    with showing_progress() as listener:
        assert isinstance(listener, kind)


def test_words_of_anybodys_are_shown_as_text() -> None:
    console = Console(file=io.StringIO(), width=120)
    shown = PlainLines(console)
    shown.failed("run", "Traceback:\n  at \x1b[2Jlayer\x07")
    shown.phase("\u202ephase")
    assert lines(console) == ["run failed: Traceback:", "  at ?[2Jlayer?", "?phase"]
