"""A study that goes on: who may, on what machine, and with which of its runs."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.small_runs import CPU
from tests.tiny_study import tiny_order, tiny_study

from landscope.errors import RecordError, StorageError, UsageError
from landscope.runs import StudyFolder
from landscope.runs.study_records import study_status
from landscope.studies.engine import Task, chosen, left_of, run_study, run_task
from landscope.studies.going_on import check_same_machine, open_study
from landscope.studies.kind import Order
from landscope.studies.listener import Listener
from landscope.studies.machine import Place

ONE = Place("cpu", workers=1, threads=1)


def begun(path: Path, **identity: Any) -> StudyFolder:
    folder = StudyFolder(path / "study")
    folder.create()
    here = check_same_machine(folder, CPU, accept_changes=False)
    open_study(folder, {"study": "comparison"}, [], {**here, **identity}, ONE)
    return folder


def test_a_study_goes_on_where_it_was_begun(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    check_same_machine(folder, CPU, accept_changes=False)
    assert folder.manifest.changes == []


@pytest.mark.parametrize("name", ["torch", "numpy", "instructions", "landscope", "threads"])
def test_what_changes_bits_is_refused(tmp_path: Path, name: str) -> None:
    folder = begun(tmp_path, **{name: "another"})
    rule = rf"^{name} = .* with the study in .*: it was begun with {name} = another, .*--accept-ch"
    with pytest.raises(UsageError, match=rule):
        check_same_machine(folder, CPU, accept_changes=False)


def test_it_is_recorded_where_it_is_accepted(tmp_path: Path) -> None:
    folder = begun(tmp_path, torch="another")
    for _ in range(2):
        here = check_same_machine(folder, CPU, accept_changes=True)
        open_study(folder, {}, [], here, ONE)
    (change,) = folder.manifest.changes
    assert change.names == ["torch"]
    assert change.to == here
    assert folder.manifest.identity["torch"] == "another"


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    code = (
        "import sys; from landscope.runs import StudyFolder\n"
        "try: StudyFolder(sys.argv[1]).lock()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    lock = folder.lock()
    command = [sys.executable, "-c", code, str(folder.path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith("StorageError ")
    assert "another process is at work on this study; wait until it ends" in told
    lock.release()
    assert not subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_study_that_is_being_done_is_not_begun_twice(tmp_path: Path) -> None:
    order = tiny_order(tmp_path / "study")
    folder = StudyFolder(order.out)
    folder.create()
    with folder.lock(), pytest.raises(StorageError, match="another process is at work"):
        run_study(tiny_study((9,)), order, Listener())
    assert not folder.manifest_path.exists()


def test_one_run_alone_leaves_the_others(tmp_path: Path) -> None:
    study, order = tiny_study((9,)), tiny_order(tmp_path / "study")
    alone = study.runs()[0].id
    assert run_study(study, replace(order, only=(alone,)), Listener()) is None
    states = {run.id: run.state for run in study_status(StudyFolder(order.out)).runs}
    assert states.pop(alone) == "finished"
    assert set(states.values()) == {"missing"}


def test_a_run_that_is_not_there_is_refused_with_the_nearest() -> None:
    runs = tiny_study((9,)).runs()
    assert chosen(runs, ()) == runs
    with pytest.raises(UsageError, match=r"run = 'dln-nome.*none of that id; did you mean 'dln-n"):
        chosen(runs, ("dln-nome-lr1e-06-seed0",))
    with pytest.raises(UsageError, match="none of that id; see `landscope status` for their ids"):
        chosen(runs, ("?",))


def test_a_run_of_another_configuration_is_not_taken_for_done(tmp_path: Path) -> None:
    study, order = tiny_study((9,)), tiny_order(tmp_path / "study")
    first, *others = study.runs()
    run_study(study, replace(order, only=(first.id,)), Listener())
    folder = StudyFolder(order.out)
    assert left_of(folder, study.runs()) == others
    other = first.model_copy(update={"lr": first.lr * (1 + 1e-9)})
    with pytest.raises(RecordError, match="the run in it has another configuration"):
        left_of(folder, [other])


def test_a_run_that_is_started_again_after_its_end_says_how_it_ended(tmp_path: Path) -> None:
    """A cluster may start a task twice."""
    study = tiny_study((9,))
    config = study.runs()[0]
    task = Task(study, config, tmp_path / config.id, CPU)
    assert run_task(task, lambda _: None) == "finished"
    before = {path: path.read_bytes() for path in task.folder.iterdir()}
    assert run_task(task, lambda _: None) == "finished"
    assert {path: path.read_bytes() for path in task.folder.iterdir()} == before


@pytest.mark.parametrize("seconds", [0.0, 30.0, math.inf])
def test_a_number_of_seconds_between_checkpoints_is_taken(seconds: float) -> None:
    assert Order(Path("x"), checkpoint_every=seconds).checkpoint_every == seconds


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
def test_any_other_is_refused(seconds: float) -> None:
    rule = "checkpoint-every = (-1|nan): it is a number of seconds, at least 0; give 30 for one"
    with pytest.raises(UsageError, match=rule):
        Order(Path("x"), checkpoint_every=seconds)
