"""How far a study is, told from its folder: every state that a run can be in, and the time left."""

import pytest

from landscope.errors import RecordError
from landscope.runs import Journal, Outcome, RunFolder, StudyFolder
from landscope.runs.outcome import Failure, raised, refused
from landscope.runs.study_records import RunState, StudyStatus, study_status

from .samples import make_run, reading


def divide() -> None:
    raise ZeroDivisionError("division\nby zero")


def failure() -> Failure:
    """That of a run that an error of the program ended."""
    try:
        divide()
    except ZeroDivisionError as error:
        return raised(error)
    raise AssertionError


def plan(folder: StudyFolder, *ids: str, steps: int = 10, **more: object) -> None:
    runs = [{"id": each, "steps": steps, "digest": "0"} for each in ids]
    folder.write_manifest({"format": 1, "study": "comparison", "runs": runs, **more})


def measure(run: RunFolder, steps: int, outcome: Outcome | None) -> None:
    with Journal.create(run) as journal:
        for step in range(steps):
            journal.write(reading(step))
        if outcome is not None:
            journal.finish(outcome)


def states(status: StudyStatus) -> dict[str, RunState]:
    return {run.id: run.state for run in status.runs}


def test_every_state_that_a_run_can_be_in(study_folder: StudyFolder) -> None:
    names = ("done", "lost", "works", "stopped", "failed", "missing")
    plan(study_folder, *names)
    runs = {name: make_run(study_folder.run(name)) for name in names[:4]}
    measure(runs["done"], 10, Outcome("finished", 10, 5.0))
    measure(runs["lost"], 4, Outcome("diverged", 3, 1.0))
    measure(runs["stopped"], 6, None)
    study_folder.run("failed").note_failure(known := failure())
    with Journal.create(runs["works"]) as journal:
        journal.write(reading(0))
        status = study_status(study_folder)
    assert states(status) == {
        "done": "finished",
        "lost": "diverged",
        "works": "running",
        "stopped": "stopped",
        "failed": "failed",
        "missing": "missing",
    }
    assert [run.step for run in status.runs] == [10, 3, 0, 5, None, None]
    assert not status.conducted
    assert status.runs[4].failure == known
    assert known.reason == "ZeroDivisionError: division by zero"
    line = divide.__code__.co_firstlineno + 1
    assert known.place == f"test_study_status.py, line {line}, in divide"
    assert known.text.startswith("Traceback")


def test_a_refusal_says_itself_what_to_do_and_has_no_place() -> None:
    failure = refused("lr = -1: a learning rate is positive;\ngive one above 0")
    assert failure.reason == "lr = -1: a learning rate is positive; give one above 0"
    assert failure.place is None


def test_a_run_that_was_not_planned_is_told_of_too(study_folder: StudyFolder) -> None:
    make_run(study_folder.run("more"), steps=3)
    assert states(study_status(study_folder)) == {"more": "stopped"}


def test_the_time_left_is_that_of_runs_as_long(study_folder: StudyFolder) -> None:
    plan(study_folder, "a", "b", "c", workers=2)
    assert study_status(study_folder).seconds_left is None
    measure(make_run(study_folder.run("a")), 10, Outcome("finished", 9, 20.0))
    # Two seconds a step: 20 steps are left for two workers, and no run is shorter than itself.
    assert study_status(study_folder).seconds_left == pytest.approx(20.0)
    measure(make_run(study_folder.run("b")), 5, None)
    assert study_status(study_folder).seconds_left == pytest.approx(20.0)
    for name in ("b", "c"):
        measure(make_run(study_folder.run(name)), 10, Outcome("finished", 9, 20.0))
    assert study_status(study_folder).seconds_left == 0.0


def test_who_is_at_work_is_told_and_is_not_disturbed(study_folder: StudyFolder) -> None:
    lock = study_folder.lock()
    assert study_status(study_folder).conducted
    lock.release()
    assert not study_status(study_folder).conducted


@pytest.mark.parametrize("run", [{}, {"id": "../x", "steps": 1, "digest": ""}, 3, {"id": "a"}])
def test_a_plan_that_makes_no_sense_is_refused(study_folder: StudyFolder, run: object) -> None:
    from landscope.errors import UsageError

    with pytest.raises((RecordError, UsageError), match="the manifest is wrong: runs"):
        study_folder.write_manifest({"format": 1, "study": "comparison", "runs": [run]})
