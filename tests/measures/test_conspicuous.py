"""What is conspicuous in gradients, updates, labels and features, in plain Python."""

import math

import pytest
import torch

from landscope.measures.conspicuous import (
    gradient_shares,
    largest_class,
    lost_share,
    owner,
    root_mean_square,
    silent_share,
    spread,
)
from landscope.objective.batch import IN_BATCH
from landscope.testing.tolerances import EXACT64


def entries(tensor):
    return tensor.double().flatten().tolist()


def test_a_layer_is_what_holds_the_parameter():
    assert owner("body.0.weight") == "body.0"
    assert owner("scale") == "scale"
    assert owner("head.parametrizations.weight.original0") == "head"


def test_shares_are_of_the_largest_gradient_behind_the_first_layer():
    torch.manual_seed(0)
    gradient = {
        "a.weight": 1e6 * torch.randn(3, 4).double(),
        "b.weight": torch.randn(4, 4).double(),
        "b.bias": torch.randn(4).double(),
        "norm.weight": torch.randn(4).double(),
        "c.weight": 1e-3 * torch.randn(4, 4).double(),
    }
    lengths = {
        layer: math.sqrt(sum(e * e for n in names for e in entries(gradient[n])))
        for layer, names in {
            "a": ["a.weight"],
            "b": ["b.weight", "b.bias"],
            "c": ["c.weight"],
        }.items()
    }
    expected = {layer: length / lengths["b"] for layer, length in lengths.items()}
    shares = gradient_shares(gradient)
    assert list(shares) == list(expected)
    for layer, share in shares.items():
        EXACT64.check(share, expected[layer])


def test_shares_are_0_where_no_layer_has_a_gradient():
    gradient = {f"{name}.weight": torch.zeros(2, 2) for name in "abc"}
    assert gradient_shares(gradient) == dict.fromkeys("abc", 0.0)
    assert gradient_shares({"a.weight": torch.ones(2, 2)}) == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lost_weights_are_counted_one_by_one(dtype):
    torch.manual_seed(0)
    before = {"a": torch.randn(40, 5).to(dtype), "still": torch.randn(7).to(dtype)}
    before["a"][0] = 0
    gradient = {name: torch.randn_like(tensor) for name, tensor in before.items()}
    gradient["a"][1] = 0
    after = {"a": before["a"] - 1e-4 * gradient["a"], "still": before["still"].clone()}
    triples = zip(*(entries(point["a"]) for point in (before, after, gradient)), strict=True)
    counted = [b == a for b, a, g in triples if b != 0 and g != 0]
    assert lost_share(before, after, gradient) == sum(counted) / len(counted)
    assert (lost_share(before, after, gradient) > 0) == (dtype is torch.bfloat16)


def test_nothing_is_lost_where_nothing_is_updated():
    point = {"a": torch.ones(3)}
    assert math.isnan(lost_share(point, point, point))


def test_the_largest_class_of_labels_wherever_they_are():
    labels = torch.tensor([3, 3, 1, 3])
    assert largest_class(None, labels, 4) == (0.75, 3)
    assert largest_class({"x": 1, "labels": labels}, IN_BATCH, 4) == (0.75, 3)
    assert largest_class((torch.ones(4, 2), labels), IN_BATCH, 4) == (0.75, 3)


@pytest.mark.parametrize(
    "targets", [torch.ones(9), torch.ones(9, 2).long(), torch.ones(3).long(), "a", (1, 2), None]
)
def test_what_is_no_label_has_no_classes(targets):
    assert largest_class(torch.ones(9, 2), targets, 4) is None


def test_scales_of_features_one_by_one():
    torch.manual_seed(0)
    features = torch.randn(6, 5) * torch.tensor([1.0, 50.0, 2.0, 0.0, 3.0])
    columns = [[abs(value) for value in entries(column)] for column in features.T]
    sizes = sorted(max(column) for column in columns if any(column))
    EXACT64.check(spread(features), sizes[-1] / sizes[1])
    squares = [value * value for column in columns for value in column]
    mean = sum(squares) / len(squares)
    EXACT64.check(root_mean_square(features), math.sqrt(mean))
    assert silent_share(features) == sum(not any(column) for column in columns) / len(columns)
