"""Halving batches: every nest of tensors, and what is refused."""

import collections
import enum
import math
from dataclasses import dataclass

import pytest
import torch
from tests.measures.networks import gaussian
from torch import nn

import landscope
from landscope.errors import UsageError
from landscope.objective.halves import adds_up, halves
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable

ROWS = torch.arange(10.0).reshape(5, 2)


class Encoding(collections.UserDict):
    """What a tokeniser gives: a mapping that torch's trees do not know, with attributes."""

    def __getattr__(self, name):
        return self.data[name]


Pair = collections.namedtuple("Pair", "image label")


class Kind(enum.Enum):
    ONLY = 1


def halved(inputs, targets=None):
    """The two halves of a batch that nothing but this test looks into."""
    objective = Objective.now(nn.Linear(1, 1), lambda o, _: o, inputs, targets)
    (first_size, first), (second_size, second) = halves(objective)
    assert first_size + second_size == 5
    return first, second


def test_tensors_are_cut_in_their_first_dimension_and_the_second_half_has_one_more():
    first, second = halved(ROWS, torch.arange(5))

    assert torch.equal(first.inputs, ROWS[:2])
    assert torch.equal(second.inputs, ROWS[2:])
    assert torch.equal(first.targets, torch.arange(2))
    assert torch.equal(second.targets, torch.arange(2, 5))


def test_nests_keep_their_kind():
    batch = (Pair(ROWS, [ROWS[:, 0]]), collections.OrderedDict(mask=ROWS > 3))
    first, _ = halved(batch)

    assert isinstance(first.inputs[0], Pair)
    assert torch.equal(first.inputs[0].label[0], ROWS[:2, 0])
    assert isinstance(first.inputs[1], collections.OrderedDict)


def test_a_mapping_that_torch_does_not_know_is_cut_too_and_keeps_its_class():
    given = Encoding(tokens=ROWS, inner={"mask": ROWS[:, 0]})
    first, second = halved(given)

    assert isinstance(first.inputs, Encoding)
    assert torch.equal(first.inputs.tokens, ROWS[:2])
    assert torch.equal(second.inputs.inner["mask"], ROWS[2:, 0])
    assert len(given.tokens) == 5


def test_what_has_no_samples_belongs_to_both():
    temperature = torch.tensor(0.5)
    shared = {"t": temperature, "name": "x", "none": None, "k": 3, "kind": Kind.ONLY, "n": [1, 2]}
    first, second = halved({"rows": ROWS, **shared})

    for half in (first, second):
        assert {**half.inputs, "rows": 0} == {"rows": 0, **shared}


def test_nothing_else_of_the_objective_differs():
    model = nn.BatchNorm1d(2)
    objective = Objective.now(model, lambda o, _: o.sum(), ROWS, l2_penalty=0.5, loss_scale=4.0)

    for _, half in halves(objective):
        assert half.buffers is objective.buffers
        assert half.standing is objective.standing
        assert half.random_state is objective.random_state
        assert (half.l2_penalty, half.loss_scale) == (0.5, 4.0)


@dataclass
class Graph:
    nodes: torch.Tensor


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (ROWS[:1], "one sample: it is measured in halves; give a batch of at least two samples"),
        ({"t": torch.tensor(1.0)}, "no tensor with samples in its first dimension"),
        (torch.zeros(0, 3), "no tensor with samples in its first dimension"),
        ((ROWS, ROWS[:4]), "tensors with 5 and with 4 entries in their first dimension"),
        ([ROWS[:3], {"boxes": ROWS[:2]}], "tensors with 3 and with 2 entries"),
        ((ROWS, Graph(ROWS)), "a Graph: it is measured in halves; give its tensors, in a tuple"),
        ({"rows": ROWS, "more": Encoding(graph=Graph(ROWS))}, "a Graph"),
        ((ROWS, list("words")), "5 samples, and a list with as many values of its own"),
        (ROWS.to_sparse(), "a tensor of layout torch.sparse_coo: it is measured in halves"),
    ],
)
def test_what_cannot_be_halved_is_refused(inputs, text):
    with pytest.raises(UsageError) as refused:
        halved(inputs)

    assert str(refused.value).startswith(f"the batch has {text}")


def network_with_batch_norm():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()


def half_of(whole):
    """What the halves of a loss that sums would have for their mean."""
    return float(whole) / 2


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("reduce", "sums"), [(torch.Tensor.sum, True), (torch.Tensor.mean, False)], ids=["sum", "mean"]
)
def test_a_sum_is_told_from_a_mean_that_looks_like_one(reduce, sums, sign):
    model, inputs = network_with_batch_norm(), gaussian(8, 3)
    objective = Objective.now(model, lambda o, t: sign * reduce((o - t).square()), inputs, 2.0)
    point = trainable(model)
    whole = float(objective.loss(point))

    assert adds_up(objective, point, whole, half_of(whole)) is sums


@pytest.mark.parametrize(
    ("whole", "mean_of_halves"),
    [(8.0, 7.0), (8.0, 20.0), (-8.0, -9.0), (0.0, 0.0), (float("nan"), 1.0)],
)
def test_what_does_not_look_like_a_sum_is_not_run_again(whole, mean_of_halves):
    def never(*_):
        raise AssertionError("run")

    objective = Objective.now(nn.Linear(1, 1), never, ROWS, ROWS)

    assert not adds_up(objective, trainable(objective.model), whole, mean_of_halves)


def test_gradients_of_inputs_do_not_flow_out_of_the_halves():
    rows = gaussian(4, 3).requires_grad_()
    objective = Objective.now(nn.Linear(3, 1).double(), lambda o, _: o.square().mean(), rows, rows)

    for _, half in halves(objective):
        half.gradient(dict(objective.model.named_parameters()))

    assert rows.grad is None


MASK = ~torch.eye(8, dtype=torch.bool)  # made once for the size of the batch


def of_fixed_size(outputs, _):
    return (outputs @ outputs.T)[MASK].mean()


def of_known_sizes(outputs, _):
    return outputs.square().mean() * {8: 1.0}[len(outputs)]


@pytest.mark.parametrize(
    ("loss_fn", "text"),
    [(of_fixed_size, "IndexError: The shape of the mask"), (of_known_sizes, "KeyError: 4")],
)
def test_a_loss_that_takes_no_half_leaves_what_needs_none(loss_fn, text):
    model = network_with_batch_norm()
    health = landscope.norm_health(model, loss_fn, gaussian(8, 3), None)

    assert health.no_halves.startswith(f"the batch's halves: {text}")
    assert not math.isnan(health.evaluation_gap)
    assert not math.isnan(health.gaps[0].mean_gap)
    with pytest.raises(
        UsageError, match=rf"half of the batch, with 4 samples, does not pass the network \({text}"
    ):
        landscope.noise_scale(model, loss_fn, gaussian(8, 3), None)


class Wrapped(collections.abc.MutableMapping):
    """A mapping whose shallow copy shares what it holds."""

    def __init__(self, **held):
        self.held = held

    def __getitem__(self, key):
        return self.held[key]

    def __setitem__(self, key, value):
        self.held[key] = value

    def __delitem__(self, key):
        del self.held[key]

    def __iter__(self):
        return iter(self.held)

    def __len__(self):
        return len(self.held)


def test_halving_a_mapping_of_any_class_leaves_the_whole():
    given = Wrapped(rows=ROWS)
    first, second = halved(given)

    assert [len(each.inputs["rows"]) for each in (first, second)] == [2, 3]
    assert len(given["rows"]) == 5
