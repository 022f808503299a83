"""Modules whose calls do more than give their output: leaving them out must not show."""

import pytest
import torch
from tests.measures.definition_2_1 import assert_is_definition_2_1, by_hand, measured
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import nn
from torch.nn import functional


class Network(nn.Module):
    """A block between two linear layers; subclasses say what else its calls do."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.third = nn.Linear(4, 5), nn.Linear(5, 3)
        self.block = self.between()

    def between(self) -> nn.Sequential:
        return nn.Sequential(nn.Linear(5, 5), nn.Tanh())

    def forward(self, x):
        return self.third(self.block(self.first(x)))


class WritesOnItsInput(Network):
    def between(self):
        return nn.Sequential(nn.ReLU(inplace=True), nn.Linear(5, 5))

    def forward(self, x):
        h = self.first(x)
        return self.third(self.block(h) + h)


class DrawsBeforeItsLast(Network):
    def between(self):
        return nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.5), nn.Linear(5, 5), nn.Linear(5, 5))

    def forward(self, x):
        return self.third(functional.dropout(self.block(self.first(x)), 0.5))


class MovesItsStatistics(Network):
    def between(self):
        return nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5))

    def forward(self, x):
        h = self.block(self.first(x))
        return self.third(h * (1 + self.block[1].running_mean))


class HandsOutAPart(Network):
    def __init__(self) -> None:
        super().__init__()
        self.seen = torch.zeros(8, 5, dtype=torch.float64)
        self.block[0].register_forward_hook(self.see)

    def see(self, _, __, output):
        self.seen = output

    def forward(self, x):
        return self.third(self.block(self.first(x)) + self.seen)


@pytest.mark.parametrize(
    "kind", [Network, WritesOnItsInput, DrawsBeforeItsLast, MovesItsStatistics, HandsOutAPart]
)
def test_it_is_what_definition_2_1_says(kind):
    torch.manual_seed(3)
    model = kind().double()
    layers = {"first": weight_and_bias("first")}
    for place, part in enumerate(model.block):
        if isinstance(part, nn.Linear):
            layers[f"block.{place}"] = weight_and_bias(f"block.{place}")
    if kind is MovesItsStatistics:
        layers["block.0"] = weight_and_bias("block.0", "block.1")
    layers["third"] = weight_and_bias("third")
    case = Case(model, functional.cross_entropy, gaussian(8, 4).double(), classes(8), layers)

    assert_is_definition_2_1(measured(case), case, by_hand(case))
