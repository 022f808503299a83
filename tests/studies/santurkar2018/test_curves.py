"""The curves: which points are written, when, and what is said of those that are not finite."""

import math

import pytest
import torch

from landscope.reading import Reading, Status
from landscope.studies.santurkar2018.losses import Curves


def point(step, loss=1.5, *, accuracy=0.25):
    numbers = (loss, loss / 2) if accuracy is None else (loss, loss / 2, accuracy)
    return step, list(map(torch.tensor, numbers))


class Book:
    """Curves, and what they wrote."""

    def __init__(self, every=1):
        self.readings: list[Reading] = []
        self.curves = Curves(every, self.readings.append)

    def follow(self, *points, settle=False):
        return [self.curves.follow(*each, settle=settle) for each in points]

    def steps(self, quantity="train_loss"):
        return [reading.step for reading in self.readings if reading.quantity == quantity]


def test_a_point_has_the_loss_with_and_without_the_penalty_and_the_accuracy():
    book = Book()
    book.follow(point(3), settle=True)

    assert [(r.probe, r.quantity, r.value, r.unit) for r in book.readings] == [
        ("training", "train_loss", 1.5, "loss"),
        ("training", "train_data_loss", 0.75, "loss"),
        ("training", "train_accuracy", 0.25, "1"),
    ]
    assert {(r.step, r.status, r.layer) for r in book.readings} == {(3, Status.OK, None)}


def test_it_says_which_function_each_value_is_of():
    book = Book()
    book.follow(point(3), settle=True)
    book.curves.test(3, torch.tensor(1.0), torch.tensor(0.5))

    assert {r.quantity: str(r.function) for r in book.readings} == {
        "train_loss": "training mode, the step's batch, loss with penalty",
        "train_data_loss": "training mode, the step's batch, loss without penalty",
        "train_accuracy": "training mode, the step's batch",
        "test_loss": "evaluation mode, the test set, loss without penalty",
        "test_accuracy": "evaluation mode, the test set",
    }


def test_there_is_no_accuracy_where_nothing_is_classified():
    book = Book()
    book.follow(point(0, accuracy=None))

    assert [r.quantity for r in book.readings] == ["train_loss", "train_data_loss"]


def test_points_lie_every_so_many_steps_and_at_each_look():
    book = Book(every=4)
    for step in range(10):
        book.follow(point(step), settle=step == 6)
    book.curves.settle()

    assert book.steps() == [0, 4, 6, 8]


def test_points_are_held_so_that_nobody_waits_for_the_device():
    book = Book()
    book.follow(point(0))
    assert book.steps() == [0]  # at once: a start that is not finite is no divergence
    book.follow(*map(point, range(1, 50)))
    assert book.steps() == [0]
    book.follow(point(50))
    assert book.steps() == list(range(51))


def test_settling_writes_what_is_held_and_nothing_twice():
    book = Book()
    book.follow(*map(point, range(5)))

    assert book.curves.settle() is None
    assert book.curves.settle() is None
    assert book.steps() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_told_by_its_first_step(bad):
    book = Book()
    told = book.follow(*(point(step, bad if step >= 7 else 1.0) for step in range(9)))

    assert told == [None] * 9
    assert book.curves.settle() == 7
    assert book.steps() == list(range(8))
    last = {r.quantity: r for r in book.readings if r.step == 7}
    assert repr(last["train_loss"].value) == repr(bad)
    assert last["train_loss"].status is Status.NONFINITE
    assert last["train_data_loss"].status is Status.NONFINITE
    assert last["train_accuracy"].value == 0.25  # of scores that are not numbers
    assert last["train_accuracy"].status is Status.NONFINITE
    assert all(r.status is Status.OK for r in book.readings if r.step < 7)


def test_it_is_told_at_once_where_a_look_is_due_or_at_the_start():
    assert Book().follow(point(0, math.nan)) == [0]
    assert Book(every=5).follow(point(3, math.nan), settle=True) == [3]


def test_after_a_divergence_nothing_is_left_to_write():
    book = Book()
    book.follow(*(point(step, math.nan) for step in range(1, 4)))

    assert book.curves.settle() == 1
    assert book.curves.settle() is None
    assert book.steps() == [1]


def test_a_point_on_the_test_set_is_written_at_once():
    book = Book()
    book.curves.test(20, torch.tensor(math.inf), torch.tensor(0.5))

    assert [(r.step, r.quantity, r.value, r.unit, r.status) for r in book.readings] == [
        (20, "test_loss", math.inf, "loss", Status.NONFINITE),
        (20, "test_accuracy", 0.5, "1", Status.NONFINITE),
    ]
