"""The arithmetic of a step and behind each layer, against sizes counted by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from landscope.cost import Cost, Work
from landscope.objective.arithmetic import work_of
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable


def work(model: nn.Module, inputs: Tensor, samples: int = 6) -> Work:
    model.train()
    with torch.no_grad():
        outputs = model(inputs)
    objective = Objective.now(model, functional.mse_loss, inputs, torch.zeros_like(outputs))
    return work_of(objective, trainable(model), samples)


@pytest.mark.parametrize("norm", [nn.Identity, lambda: nn.BatchNorm1d(10)])
def test_products_behind_each_layer_by_their_sizes(norm):
    model = nn.Sequential(nn.Linear(4, 10), norm(), nn.ReLU(), nn.Linear(10, 6), nn.Linear(6, 2))

    found = work(model, torch.randn(3, 4))

    first, second, third = (4 * 10, 10 * 6, 6 * 2)
    whole = first + second + third
    # Forward, back through those behind, and to the layer's own weights.
    behind = (0, (second + third) + third + second, third + third)
    assert found.behind == pytest.approx([part / whole for part in behind])
    assert found.backward == pytest.approx(2 - first / whole)
    assert found.samples == 6


def test_what_follows_a_layer_and_has_no_weights_is_behind_it():
    class Attending(nn.Module):
        """Attention of 5 positions, with 8 features, between the second of three layers and the
        third.
        """

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = (nn.Linear(8, 8) for _ in range(3))

        def forward(self, inputs: Tensor) -> Tensor:
            at = self.second(self.first(inputs))
            return self.third((at @ at.mT).softmax(-1) @ at)

    found = work(Attending(), torch.randn(2, 5, 8))

    linear, attention = 5 * 8 * 8, 2 * 5 * 5 * 8
    whole = 3 * linear + attention
    # Both factors of its products depend on the weights before it, so both have gradients.
    second = (2 * linear + attention) + linear + 2 * attention + linear
    # It runs again for the third layer, as it lies in no module of its own.
    third = (linear + attention) + linear
    assert found.behind == pytest.approx([0, second / whole, third / whole])


def test_a_part_that_must_run_again_is_behind_each_layer():
    class Draws(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs) + torch.rand(())

    found = work(nn.Sequential(*(Draws(4, 4) for _ in range(3))), torch.randn(3, 4))

    assert found.behind == pytest.approx([0, 1 + 2 / 3, 1 + 1 / 3])


def test_a_pass_of_which_nothing_is_counted_is_taken_to_be_even():
    class Looking(nn.Module):
        """Words and places, each of them looked up."""

        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(5, 4)
            self.places = nn.Embedding(3, 4)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.words(inputs) + self.places(torch.arange(3))

    assert work(Looking(), torch.randint(5, (2, 3))) == Work.even(2, 6)


def test_a_training_step_costs_one_and_its_first_layer_gives_its_inputs_no_gradient():
    even = Work.even(4, 8)

    assert Cost(1, 1).in_steps(even) == 1
    # Of twelve parts, four of them forward, a step leaves out one.
    assert Cost(1, 0).in_steps(even) == pytest.approx(4 / 11)
    assert Cost(0, 1).in_steps(even) == pytest.approx(7 / 11)
