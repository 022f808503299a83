"""How far a study is, as a person reads it."""

from io import StringIO

from rich.console import Console

from landscope.runs.outcome import Failure
from landscope.runs.study_records import RunStatus, StudyStatus
from landscope.terminal.summary import print_status

FAILURE = Failure("ZeroDivisionError: division by zero", "mine.py, line 7, in loss_fn", "", "")
RUNS = (
    RunStatus("a", "finished", 10, 10, 5.0, None),
    RunStatus("b", "diverged", 3, 10, 1.0, None),
    RunStatus("c", "running", 4, 10, 2.5, None),
    RunStatus("d\x1b[31m", "failed", 1, 10, None, FAILURE),
    RunStatus("e", "missing", None, 1000, None, None),
)


def printed(status: StudyStatus) -> str:
    console = Console(file=StringIO(), width=100)
    print_status(console, status)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_each_run_has_a_line_and_each_failure_its_reason() -> None:
    told = printed(StudyStatus(RUNS, conducted=True, workers=2))
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert lines == [
        "run state steps time",
        "a finished 10 of 10 5 s",
        "b diverged at 3 1 s",
        "c running 5 of 10 2 s",
        "d?[31m failed 2 of 10",
        "e missing 0 of 1,000",
        "",
        "d?[31m failed:",
        "ZeroDivisionError: division by zero (mine.py, line 7, in loss_fn)",
        "",
        "5 runs: 1 finished, 1 diverged, 1 running, 1 failed, 1 missing. About 8 min left.",
    ]


def test_it_says_what_to_do_where_nobody_is_at_work() -> None:
    told = " ".join(printed(StudyStatus(RUNS, conducted=False, workers=2)).split())
    assert told.endswith("No process is working on it: start the same command again to resume.")


def test_nothing_is_said_of_time_where_all_is_done() -> None:
    told = printed(StudyStatus(RUNS[:2], conducted=False, workers=2))
    assert told.endswith("2 runs: 1 finished, 1 diverged.\n")
