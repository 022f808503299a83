"""A process that is forked from a recorded training: the record is the parent's alone."""

import copy
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for
from torch.utils.data import DataLoader

import landscope
from landscope.errors import UsageError
from landscope.reading import Reading
from landscope.runs import Journal, RunFolder
from landscope.runs.lock import Lock, is_held

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


class Training:
    """One with a scope, which is trained a step at a time."""

    def __init__(self, **settings: object) -> None:
        self.model = network(Kind(norm="none"))
        self.optimizer = optimizer_for(Kind(), self.model)
        self.scope = landscope.Scope(
            self.model, loss_fn, self.optimizer, every=1, probes="cheap", **settings
        )
        ((self.inputs, self.targets),) = batches(1)

    def train(self, updates: int) -> None:
        for _ in range(updates):
            with self.scope.step(self.inputs, self.targets):
                self.step()

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss_fn(self.model(self.inputs), self.targets).backward()
        self.optimizer.step()


def in_a_child(do: Callable[[], object]) -> int:
    """Forks, does it there, ends by the interpreter's own way out; the exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            do()
        code = 0
    finally:
        # As at the interpreter's exit, without pytest's own.
        import weakref

        weakref.finalize._exitfunc()
        os._exit(code)


def check_whole(training: Training, path: Path) -> None:
    training.scope.close()
    run = landscope.Run(path)
    assert run.outcome.status == "finished"
    assert list(map(repr, run.readings)) == list(map(repr, training.scope.readings))
    assert {r.step for r in run.readings} == {0, 1, 2, 3}


def ends(_: Training) -> None:
    """Only ends."""


def closes(training: Training) -> None:
    training.scope.close()


def trains(training: Training) -> None:
    known = len(training.scope.readings)
    training.train(3)
    assert len(training.scope.readings) == known
    assert training.scope.steps == 5


def is_left(training: Training) -> None:
    with training.scope:
        training.train(1)


def fails(training: Training) -> None:
    with pytest.raises(ZeroDivisionError), training.scope, training.scope.step(None, None):
        raise ZeroDivisionError


@pytest.mark.parametrize("do", [ends, closes, trains, is_left, fails])
def test_a_forked_child_leaves_the_record_alone(
    do: Callable[[Training], None], tmp_path: Path
) -> None:
    training = Training(to=tmp_path / "mine")
    training.train(2)
    assert in_a_child(lambda: do(training)) == 0
    assert is_held(tmp_path / "mine" / ".lock")  # the child's end has not let another writer in
    training.train(2)
    check_whole(training, tmp_path / "mine")
    assert not is_held(tmp_path / "mine" / ".lock")


def test_a_child_that_is_forked_within_a_block_leaves_the_record_alone(tmp_path: Path) -> None:
    training = Training(to=tmp_path / "mine")
    training.train(1)
    with training.scope.step(training.inputs, training.targets):
        child = os.fork()
        training.step()
    if not child:
        os._exit(training.scope.steps != 2)
    assert os.waitpid(child, 0)[1] == 0
    training.train(2)
    check_whole(training, tmp_path / "mine")


def test_workers_that_load_batches_in_the_midst_leave_the_record_alone(tmp_path: Path) -> None:
    training = Training(to=tmp_path / "mine")
    data = [(x, y) for x, y in zip(training.inputs, training.targets, strict=True)]
    for _ in range(2):
        loader = DataLoader(data, batch_size=4, num_workers=1, multiprocessing_context="fork")
        for inputs, targets in loader:
            training.inputs, training.targets = inputs, targets
            training.train(1)
    check_whole(training, tmp_path / "mine")


def test_a_child_that_trains_on_is_told_that_nothing_is_measured(tmp_path: Path) -> None:
    training = Training(to=tmp_path / "mine")
    training.train(1)
    said = tmp_path / "said"

    def train() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            training.train(3)
        said.write_text("\n".join(str(one.message) for one in caught), "utf-8")

    assert in_a_child(train) == 0
    assert said.read_text("utf-8") == (
        f"landscope: this process was forked from process {os.getpid()}, which made the scope: "
        "nothing is measured here; make a new Scope, with a folder of its own, to measure here too"
    )


def test_a_child_that_follows_the_advice_measures(tmp_path: Path) -> None:
    training = Training(to=tmp_path / "mine")
    training.train(2)

    def anew() -> None:
        other = Training(to=tmp_path / "other")
        other.train(2)
        other.scope.close()

    assert in_a_child(anew) == 0
    assert landscope.Run(tmp_path / "other").outcome.status == "finished"
    training.train(2)
    check_whole(training, tmp_path / "mine")


def test_other_writers_are_not_closed_by_a_child(tmp_path: Path) -> None:
    class Writer:
        def write(self, reading: Reading) -> None:
            with (tmp_path / "log").open("a") as log:
                log.write(f"{reading.step}\n")

        def close(self) -> None:
            (tmp_path / "closed").touch()

    training = Training(to=Writer())
    training.train(1)
    known = (tmp_path / "log").read_text()
    assert in_a_child(lambda: (training.train(1), training.scope.close())) == 0
    assert (tmp_path / "log").read_text() == known
    assert not (tmp_path / "closed").exists()
    training.scope.close()
    assert (tmp_path / "closed").exists()


def test_a_journal_refuses_a_line_of_a_forked_process(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "mine")
    folder.create()
    folder.write_manifest({"format": 1, "id": "mine", "config": {}, "layers": [], "seed": 0})
    with Journal.create(folder) as journal:

        def write() -> None:
            rule = f"process {os.getppid()} writes this journal, and this one was forked from it"
            with pytest.raises(UsageError, match=rule):
                journal.write(Reading(0, "gradient", "loss", 1.0))

        assert in_a_child(write) == 0
        assert folder.journal_path.read_bytes() == b""


def test_a_lock_is_not_released_by_a_forked_process(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    assert in_a_child(lock.release) == 0
    assert is_held(tmp_path / "lock")
    lock.release()
    assert not is_held(tmp_path / "lock")


def test_whoever_copies_what_holds_a_scope_copies_no_journal(tmp_path: Path) -> None:
    training = Training(to=tmp_path / "mine")
    training.train(2)
    holder = torch.nn.Module()
    holder.net, holder.scope = training.model, training.scope
    twin = copy.deepcopy(holder)
    del twin
    training.train(2)
    check_whole(training, tmp_path / "mine")


def test_a_pickle_of_a_scope_is_refused_in_a_sentence() -> None:
    training = Training()
    with pytest.raises(UsageError, match="belongs to the process and the training for which"):
        pickle.dumps(training.scope)
    training.train(1)
    state = copy.deepcopy(training.scope.state_dict())  # as the remedy advises
    other = Training(first_step=1)
    other.scope.load_state_dict(state)
    assert other.scope.steps == 1
