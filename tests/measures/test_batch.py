"""Batches of any form: copied to the last tensor, never written on, or refused in one sentence."""

import collections
import re
import threading
import types
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tests.measures.networks import gaussian
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import landscope
from landscope.errors import UsageError
from landscope.objective.batch import brought_up_to_date, copied, samples_of, tensors_of
from landscope.testing.tolerances import EXACT64, FLOAT32

Pair = collections.namedtuple("Pair", "rows scale")


@dataclass(slots=True)
class Slotted:
    rows: Tensor


@dataclass(frozen=True, slots=True)
class Frozen:
    rows: Tensor


class Private:
    """Slots whose names Python changes, in a class that another one inherits from."""

    __slots__ = ("__rows",)

    def __init__(self, rows):
        self.__rows = rows

    @property
    def rows(self):
        return self.__rows


class Derived(Private):
    __slots__ = ("more",)


class Locked:
    """What nobody copies beside what has to be."""

    def __init__(self, rows):
        self.rows = rows
        self.lock = threading.Lock()


class Record(collections.UserDict):
    """Answers to a name that it has not with another error than Python expects."""

    def __getattr__(self, name):
        return self.data[name]


class Ring:
    """Holds itself."""

    def __init__(self, rows):
        self.rows = rows
        self.me = self


class Rows(collections.UserList):
    @property
    def rows(self):
        return self.data[0]


FORMS = {
    "slots": Slotted,
    "frozen": Frozen,
    "private slots": Private,
    "inherited slots": Derived,
    "named tuple": lambda rows: Pair(rows, 2.0),
    "lock": Locked,
    "record": lambda rows: Record(rows=rows),
    "ring": Ring,
    "list of a user": lambda rows: Rows([rows]),
    "namespace": lambda rows: types.SimpleNamespace(rows=rows),
    "nested": lambda rows: types.SimpleNamespace(rows=rows, more=[Slotted(rows)]),
}


def doubling(model, batch):
    """A loss that writes on its batch, as a normalisation in place does."""
    batch.rows.mul_(2)
    return model(batch.rows).square().mean()


@pytest.mark.parametrize("form", FORMS)
def test_a_loss_that_writes_on_its_batch_leaves_the_callers_as_it_was(form):
    model, rows = nn.Linear(3, 1).double(), gaussian(4, 3)
    before = rows.numpy().tobytes()
    plain = landscope.line(model, doubling, types.SimpleNamespace(rows=rows.clone()), etas=[0.1])

    assert landscope.line(model, doubling, FORMS[form](rows), etas=[0.1]) == plain
    assert rows.numpy().tobytes() == before


@pytest.mark.parametrize(
    ("batch", "value"),
    [
        (types.MappingProxyType({"rows": torch.ones(2)}), lambda batch: batch["rows"]),
        (collections.deque([torch.ones(2)], maxlen=3), lambda batch: batch[0]),
        ({"rows": np.ones(2)}, lambda batch: batch["rows"]),
        ([np.array([torch.ones(2), None], dtype=object)], lambda batch: batch[0][0]),
        (collections.OrderedDict(rows=torch.ones(2)), lambda batch: batch["rows"]),
        (torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged), lambda b: b.values()),
        (torch.ones(2).to_sparse(), lambda batch: batch.values()),
    ],
    ids=["proxy", "deque", "array", "array of tensors", "ordered", "jagged", "sparse"],
)
def test_a_copy_shares_no_values(batch, value):
    made = copied(batch)
    assert type(made) is type(batch)
    value(made)[:] = 7

    assert torch.as_tensor(value(batch)).tolist() == [1, 1]


def test_one_tensor_in_two_places_stays_one():
    rows = torch.ones(2)
    made = copied({"first": rows, "second": Slotted(rows)})

    assert made["first"] is made["second"].rows
    assert made["first"] is not rows


def test_a_tensor_with_a_past_is_copied_without_it():
    weight = torch.ones(2, requires_grad=True)
    made = copied(Slotted(weight * 2))

    assert made.rows.is_leaf
    assert made.rows.requires_grad


def test_a_generator_of_random_numbers_draws_from_a_copy():
    stream = torch.Generator().manual_seed(3)
    expected = torch.rand(2, generator=torch.Generator().manual_seed(3))
    torch.rand(5, generator=copied({"stream": stream})["stream"])

    assert torch.equal(torch.rand(2, generator=stream), expected)


def test_modules_and_what_cannot_be_copied_and_holds_no_tensor_are_shared():
    lock, module = threading.Lock(), nn.Linear(1, 1)
    made = copied({"lock": lock, "module": module, "rows": torch.ones(2)})

    assert made["lock"] is lock
    assert made["module"] is module


class Refusing:
    __slots__ = ("rows",)

    def __init__(self, rows):
        self.rows = rows

    def __deepcopy__(self, _):
        raise RuntimeError("one of a kind\nand more")


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        (
            Refusing(torch.ones(2)),
            (
                "the batch has a Refusing that cannot be copied (RuntimeError: one of a kind): a "
                "measurement runs on copies of a batch, for a model may write on it or use it up; "
                "give its tensors, in a tuple, a list or a dict"
            ),
        ),
        ([Refusing(torch.ones(2))], "the batch has a Refusing that cannot be copied"),
        ((x for x in [1.0]), "the batch has a generator that cannot be copied (TypeError: cannot"),
    ],
)
def test_what_would_be_shared_and_written_on_is_refused(batch, text):
    with pytest.raises(UsageError, match=f"^{re.escape(text)}"):
        copied(batch)
    copied({"tensors": [torch.ones(2)]})  # as the remedy says


def test_a_named_tuple_is_one_argument_and_a_plain_tuple_several():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 1).double()

        def forward(self, pair, *more):
            assert isinstance(pair, Pair) is not bool(more)
            rows, scale = (pair, *more) if more else pair
            return self.inner(rows * scale)

    model, rows = Scaled(), gaussian(4, 3)
    loss = nn.MSELoss()
    named, plain = (
        landscope.line(model, loss, inputs, gaussian(4, 1), etas=[0.1])
        for inputs in (Pair(rows, 2.0), (rows, 2.0))
    )

    assert named == plain


def test_a_packed_sequence_is_one_argument():
    rows = [gaussian(length, 3) for length in (4, 2)]
    network = nn.GRU(3, 2).double()

    def loss(outputs, _):
        return outputs[1].square().mean()

    packed = landscope.line(network, loss, pack_sequence(rows), None, etas=[0.1])
    loss(network(pack_sequence(rows)), None).backward()
    expected = torch.cat([p.grad.flatten() for p in network.parameters()]).norm()
    EXACT64.check(packed.gradient_norm, float(expected))


def test_tensors_are_found_once_each_and_samples_counted_along_their_dimension():
    rows = torch.ones(5, 2)
    batch = {"scale": torch.tensor(1.0), "one": torch.ones(3), "held": Derived(rows), "again": rows}

    assert [tensor.shape for tensor in tensors_of(batch)] == [(), (3,), (5, 2)]
    assert samples_of(batch) == 3
    assert samples_of(batch, 1) == 2


@pytest.mark.parametrize("form", [*FORMS, "proxy"])
def test_a_copy_is_brought_up_to_date_in_every_form(form):
    """What is written on the batch between the block's beginning and the pass is measured."""
    rows = torch.ones(2)
    make = FORMS.get(form, lambda rows: types.MappingProxyType({"rows": rows, "again": [rows]}))
    batch = make(rows)
    made = copied(batch)
    known = list(tensors_of(batch))
    rows.fill_(3)
    brought_up_to_date(made, known)

    assert [tensor.tolist() for tensor in tensors_of(made)] == [[3, 3]]


def test_a_batch_that_is_its_own_target_is_measured_by_a_scope():
    torch.manual_seed(0)
    model, rows = nn.Linear(3, 3), torch.randn(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scope = landscope.Scope(model, nn.MSELoss(), optimizer, probes="cheap", every=1)
    with scope.step(rows, rows):
        nn.functional.mse_loss(model(rows), rows).backward()
        optimizer.step()

    (agreement,) = [r.value for r in scope.readings if r.quantity == "agreement"]
    FLOAT32.check(agreement, 1.0)
