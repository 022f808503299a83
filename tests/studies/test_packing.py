"""Values that go into a checkpoint come out of it the same, and what cannot go in says so."""

import json
import math
import random
from collections import OrderedDict, deque

import numpy as np
import pytest
import torch

from landscope.studies.packing import CannotPack, CannotUnpack, Packed, pack, unpack


def through_json(packed: Packed) -> Packed:
    return Packed(json.loads(json.dumps(packed.values, allow_nan=False)), packed.tensors)


PLAIN = {
    "none": None,
    "truth": True,
    "whole": -(2**70),
    "number": 0.1,
    "smallest": 5e-324,
    "negative zero": -0.0,
    "infinite": -math.inf,
    "text": 'größe "\\ud83d" 層',
    "list": [1, [2.5, "x"], []],
    "tuple": (0.9, 0.999),
    "keys": {0: "a", (1, 2): "b", "c": {True: None}},
    "ordered": OrderedDict(b=1, a=2),
    "set": {3, 1, 2},
    "deque": deque([1, 2]),
    "python's stream": random.Random(3).getstate(),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_come_back(name: str) -> None:
    value = PLAIN[name]
    found = unpack(through_json(pack(value)))
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value) or isinstance(value, set)


def test_nan_comes_back() -> None:
    assert math.isnan(unpack(through_json(pack({"x": math.nan})))["x"])


DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
    torch.complex64, torch.int64, torch.uint8, torch.bool,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_tensors_come_back_to_the_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    raw = torch.arange(math.prod(shape) * dtype.itemsize, dtype=torch.uint8) % 2
    tensor = raw.view(dtype).reshape(shape)
    found = unpack(through_json(pack([tensor])))[0]
    assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
    assert bytes(found.reshape(-1).view(torch.uint8)) == bytes(tensor.reshape(-1).view(torch.uint8))


def test_a_view_comes_back_as_its_values() -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    assert unpack(pack(whole.T[1:])).equal(whole.T[1:])


def test_one_tensor_in_two_places_stays_one() -> None:
    tensor = torch.ones(3)
    packed = pack([tensor, {"again": tensor}])
    assert len(packed.tensors) == 1
    first, second = unpack(packed)
    assert first is second["again"]


def test_arrays_come_back() -> None:
    state = np.random.RandomState(2).get_state()
    found = unpack(through_json(pack(state)))
    assert (found[1] == state[1]).all()
    assert found[2:] == state[2:]


def test_what_is_packed_does_not_change_with_the_training() -> None:
    tensor = torch.zeros(2)
    packed = pack(tensor)
    tensor.fill_(1)
    assert unpack(packed).equal(torch.zeros(2))


UNFIT = [object(), print, np.float64(1.0), torch.ones(2).to_sparse(), deque([1], maxlen=3)]


@pytest.mark.parametrize("value", UNFIT, ids=lambda value: type(value).__name__)
def test_what_only_pickle_could_keep_is_refused(value: object) -> None:
    with pytest.raises(CannotPack, match="cannot be kept in a checkpoint"):
        pack({"inside": [value]})


WRONG = [
    {"tensor": "0", "dtype": "torch.float32", "shape": [3]},
    {"tensor": "0", "dtype": "torch.nonsense", "shape": [2]},
    {"tensor": "7", "dtype": "torch.float32", "shape": [2]},
    {"tensor": "0"},
    {"object": "os.system"},
    {"dict": [[["a list"], 1]]},
    {"float": "much"},
    {},
]


@pytest.mark.parametrize("values", WRONG, ids=str)
def test_what_pack_does_not_give_is_refused(values: object) -> None:
    with pytest.raises(CannotUnpack):
        unpack(Packed([values], {"0": np.zeros(2, np.float32)}))


def test_two_are_equal_by_every_bit() -> None:
    assert pack([torch.zeros(2)]) == pack([torch.zeros(2)])
    assert pack([torch.zeros(2)]) != pack([-torch.zeros(2)])
    assert pack([torch.zeros(2)]) != pack([torch.zeros(2), 1])
