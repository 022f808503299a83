"""Conducting a study: who may go on with it, on what machine, and with which of its runs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_study import tiny_order

from landscope.errors import RecordError, StorageError, UsageError
from landscope.runs import StudyFolder
from landscope.runs.study_status import study_status
from landscope.studies.engine import check_same_machine, chosen, left_of, open_study
from landscope.studies.keeping import Keeping
from landscope.studies.listener import Listener
from landscope.studies.santurkar2018.experiments import runs_behind
from landscope.studies.santurkar2018.reproduce import reproduce, run_task


def begun(path: Path, **identity: Any) -> StudyFolder:
    folder = StudyFolder(path / "study")
    folder.create()
    here = check_same_machine(folder, "cpu", 1, Keeping())
    open_study(folder, {"study": "comparison"}, [], {**here, **identity}, 1, 1)
    return folder


def test_a_study_goes_on_where_it_was_begun(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    check_same_machine(folder, "cpu", 1, Keeping())
    assert folder.manifest.changes == []


@pytest.mark.parametrize("name", ["torch", "numpy", "instructions", "landscope", "threads"])
def test_what_changes_bits_is_refused(tmp_path: Path, name: str) -> None:
    folder = begun(tmp_path, **{name: "another"})
    rule = rf"^{name} = .* with the study in .*: it was begun with {name} = another, .*--accept-ch"
    with pytest.raises(UsageError, match=rule):
        check_same_machine(folder, "cpu", 1, Keeping())


def test_it_is_recorded_where_it_is_accepted(tmp_path: Path) -> None:
    folder = begun(tmp_path, torch="another")
    for _ in range(2):
        here = check_same_machine(folder, "cpu", 1, Keeping(accept_changes=True))
        open_study(folder, {}, [], here, 1, 1)
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
    order = tiny_order(tmp_path / "study", (9,))
    folder = StudyFolder(order.out)
    folder.create()
    with folder.lock(), pytest.raises(StorageError, match="another process is at work"):
        reproduce(order, Listener())
    assert not folder.manifest_path.exists()


def test_one_run_alone_leaves_the_others(tmp_path: Path) -> None:
    order = tiny_order(tmp_path / "study", (9,))
    alone = [run.id for run in runs_behind(order.preset, (9,), 0)][:1]
    one = type(order)(**{**vars(order), "only": tuple(alone)})
    assert reproduce(one, Listener()) is None
    states = {run.id: run.state for run in study_status(StudyFolder(order.out)).runs}
    assert states.pop(alone[0]) == "finished"
    assert set(states.values()) == {"missing"}


def test_a_run_that_is_not_there_is_refused_with_the_nearest() -> None:
    configs = runs_behind(tiny_order(Path("x"), (9,)).preset, (9,), 0)
    assert chosen(configs, ()) == configs
    with pytest.raises(UsageError, match=r"run = 'dln-nome.*none of that id; did you mean 'dln-n"):
        chosen(configs, ("dln-nome-lr1e-06-seed0",))
    with pytest.raises(UsageError, match="none of that id; see `landscope status` for their ids"):
        chosen(configs, ("?",))


def test_a_run_of_another_configuration_is_not_taken_for_done(tmp_path: Path) -> None:
    order = tiny_order(tmp_path / "study", (9,))
    configs = runs_behind(order.preset, (9,), 0)
    one = type(order)(**{**vars(order), "only": (configs[0].id,)})
    reproduce(one, Listener())
    folder = StudyFolder(order.out)
    assert [config.id for config in left_of(folder, configs)] == [c.id for c in configs[1:]]
    other = configs[0].model_copy(update={"lr": configs[0].lr * (1 + 1e-9)})
    with pytest.raises(RecordError, match="the run in it has another configuration"):
        left_of(folder, [other])


def test_a_run_that_is_started_again_after_its_end_says_how_it_ended(tmp_path: Path) -> None:
    """A cluster may start a task twice."""
    from landscope.studies.santurkar2018.reproduce import Task

    order = tiny_order(tmp_path / "study", (9,))
    config = runs_behind(order.preset, (9,), 0)[0]
    task = Task(config, tmp_path / config.id, "cpu", 1, None, Keeping())
    assert run_task(task, lambda _: None) == "finished"
    before = {path: path.read_bytes() for path in task.folder.iterdir()}
    assert run_task(task, lambda _: None) == "finished"
    assert {path: path.read_bytes() for path in task.folder.iterdir()} == before
