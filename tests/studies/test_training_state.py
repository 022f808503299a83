"""What a checkpoint of a model takes: all that the coming steps depend on, or nothing."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from landscope.studies.training_state import ModelState, TrainingState


class Drawing(nn.Linear):
    """Draws from a stream of its own, which no checkpoint without pickle can keep."""

    def __init__(self, stream: object) -> None:
        super().__init__(2, 2)
        self.stream = stream


@pytest.mark.parametrize(
    "stream",
    [
        torch.Generator(),
        np.random.default_rng(0),
        np.random.RandomState(0),
        random.Random(0),
        {"of dropout": [torch.Generator()]},
    ],
)
def test_a_model_with_a_random_stream_of_its_own_is_not_kept(stream: object) -> None:
    """It would go on with the stream of a model made anew, from its beginning."""
    assert TrainingState({"model": ModelState(Drawing(stream))}).pack() is None


def test_what_else_a_model_holds_is_taken_to_be_the_same() -> None:
    assert TrainingState({"model": ModelState(Drawing(object()))}).pack() is not None
