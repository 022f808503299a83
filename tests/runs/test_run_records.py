"""The records of a run answer by probe, quantity and layer, and say what there is instead."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from landscope.errors import RecordError
from landscope.quantities import COVARIATE_SHIFT, PAPER_LINE, TRAINING, Quantity
from landscope.reading import Status
from landscope.runs import Outcome, RunFolder, RunRecords, Subject, read_run

from .samples import FINISHED, reading, write


def shift(step: int, value: object, layer: str) -> object:
    return reading(step, value, probe="covariate_shift", quantity="shift_l2", layer=layer)


@pytest.fixture
def run(run_folder: RunFolder) -> RunRecords:
    write(
        run_folder,
        [
            reading(2, 0.2),
            reading(0, 0.0),
            shift(0, 5.0, "first"),
            shift(0, 6.0, "second"),
            reading(1, math.inf, status=Status.NONFINITE),
            reading(0, (1.0, 2.0), probe="line[paper]", quantity="loss"),
            reading(50, math.nan, probe="line[paper]", quantity="loss"),
        ],
    )
    return read_run(run_folder.path)


def test_a_run_knows_what_it_was_made_with(run: RunRecords) -> None:
    assert run.id == "vgg-batch-lr0.1-seed0"
    assert run.manifest.config == {"norm": "batch", "lr": 0.1}
    assert run.layers == ["first", "second"]
    assert run.manifest.format == 1
    assert run.outcome == FINISHED
    assert repr(run) == "StoredRun('vgg-batch-lr0.1-seed0')"


def test_readings_come_by_step(run: RunRecords) -> None:
    assert [one.step for one in run.readings(TRAINING.train_loss)] == [0, 1, 2]
    assert [one.step for one in run.all_readings[:2]] == [2, 0]


def test_a_list_of_readings_is_the_callers_own(run: RunRecords) -> None:
    run.readings(TRAINING.train_loss).clear()
    assert len(run.readings(TRAINING.train_loss)) == 3


def test_layers_are_told_apart(run: RunRecords) -> None:
    assert run.readings(COVARIATE_SHIFT.shift_l2, "second")[0].value == 6.0
    assert run.has(COVARIATE_SHIFT.shift_l2, "first")
    assert not run.has(COVARIATE_SHIFT.shift_l2)
    assert not run.has(TRAINING.train_loss, "first")
    assert run.subjects == [
        Subject("training", "train_loss", None),
        Subject("covariate_shift", "shift_l2", "first"),
        Subject("covariate_shift", "shift_l2", "second"),
        Subject("line[paper]", "loss", None),
    ]


def test_numbers_make_a_series(run: RunRecords) -> None:
    steps, values = run.series(TRAINING.train_loss)
    assert steps.dtype == np.int64
    assert values.dtype == np.float64
    np.testing.assert_array_equal(steps, [0, 1, 2])
    np.testing.assert_array_equal(values, [0.0, math.inf, 0.2])


def test_lists_make_a_table_and_one_nan_stands_for_a_whole_list(run: RunRecords) -> None:
    steps, values = run.series(PAPER_LINE.loss)
    np.testing.assert_array_equal(steps, [0, 50])
    np.testing.assert_array_equal(values, [[1.0, 2.0], [math.nan, math.nan]])


@pytest.mark.parametrize("other", [(1.0,), 1.0, (), math.inf])
def test_lists_that_differ_in_length_make_no_table(run_folder: RunFolder, other: object) -> None:
    write(run_folder, [reading(0, (1.0, 2.0)), reading(1, other)])
    with pytest.raises(RecordError, match=r"its readings differ in length and make no table; take"):
        read_run(run_folder.path).series(TRAINING.train_loss)


def test_empty_lists_make_an_empty_table(run_folder: RunFolder) -> None:
    write(run_folder, [reading(0, ()), reading(1, ())])
    assert read_run(run_folder.path).series(TRAINING.train_loss)[1].shape == (2, 0)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda run: run.readings(TRAINING.test_loss),
            "test_loss by training of run vgg-batch-lr0.1-seed0: there is no such reading;",
        ),
        (
            lambda run: run.series(COVARIATE_SHIFT.shift_l2, "third"),
            "shift_l2 by covariate_shift at layer third of run vgg-batch-lr0.1-seed0: there is no",
        ),
        (lambda run: run.readings(TRAINING.test_loss), "training gave train_loss"),
        (
            lambda run: run.series(COVARIATE_SHIFT.shift_l2, "third"),
            "it is there for first, second",
        ),
        (
            lambda run: run.readings(TRAINING.train_loss, "first"),
            "it is there for the whole network",
        ),
        (
            lambda run: run.readings(Quantity("theory", "loss")),
            "the run has readings by training, covariate_shift, line[paper]",
        ),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    run: RunRecords, ask: Callable[[RunRecords], object], message: str
) -> None:
    with pytest.raises(RecordError) as caught:
        ask(run)
    assert message in str(caught.value)


def test_a_run_before_its_first_reading_is_empty(run_folder: RunFolder) -> None:
    run = read_run(run_folder.path)
    assert run.outcome == Outcome("unfinished", step=None, seconds=None)
    assert not run.torn
    assert run.all_readings == ()
    with pytest.raises(RecordError, match=r"the run has no readings at all; run it first"):
        run.readings(TRAINING.train_loss)


def test_the_journal_is_read_once(run: RunRecords) -> None:
    assert run.has(TRAINING.train_loss)
    run.folder.journal_path.unlink()
    assert len(run.readings(TRAINING.train_loss)) == 3
