"""The losses, and accuracy, against sums written out."""

import math

import pytest
import torch
from tests.small_networks import drawn
from tests.tolerances import EXACT64, FLOAT32

from landscope.errors import UsageError
from landscope.studies.santurkar2018.losses import LOSSES, accuracy, loss_for, squared_error


def test_squared_error_is_a_sum_over_the_samples():
    outputs, targets = drawn(7, 3, seed=1), drawn(7, 3, seed=2)
    by_hand = sum(
        (float(outputs[i, j]) - float(targets[i, j])) ** 2 for i in range(7) for j in range(3)
    )

    EXACT64.check(squared_error(outputs, targets), by_hand)
    EXACT64.check(squared_error(outputs.repeat(2, 1), targets.repeat(2, 1)), 2 * by_hand)


def test_cross_entropy_is_a_mean_over_the_samples():
    scores = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]], dtype=torch.float64)
    loss = loss_for("vgg").function(scores, torch.tensor([0, 1]))

    EXACT64.check(loss, (math.log(4 / 3) + math.log(2)) / 2)


def test_accuracy_is_the_fraction_of_samples_with_the_highest_score_in_the_right_place():
    scores = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 3.0, 2.0], [5.0, 1.0, 2.0]])

    FLOAT32.check(accuracy(scores, torch.tensor([0, 0, 1, 0])), 0.75)
    FLOAT32.check(accuracy(scores, torch.tensor([1, 1, 0, 2])), 0.0)


@pytest.mark.parametrize(
    ("family", "name", "classifies"),
    [("vgg", "cross-entropy", True), ("dln", "squared-error", False)],
)
def test_each_set_up_has_its_loss(family, name, classifies):
    loss = loss_for(family)

    assert loss is LOSSES[name]
    assert (loss.name, loss.classifies) == (name, classifies)


def test_a_set_up_that_the_paper_does_not_have_is_refused():
    with pytest.raises(UsageError, match=r"family = 'resnet': .*'vgg' or 'dln'; choose"):
        loss_for("resnet")
