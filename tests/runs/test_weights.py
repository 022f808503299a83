"""Weights come back bit by bit, or are refused by the name of their file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from landscope.errors import RecordError
from landscope.runs import weights
from landscope.runs.weights import read_weights, write_weights

ARRAYS = {
    "0.weight": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "0.steps": np.array(7, dtype=np.int64),
    "größe": np.zeros((0, 2), dtype=np.float16),
    "turned": np.arange(6.0).reshape(2, 3).T,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.safetensors"


def bits(arrays: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {name: (str(a.dtype), a.shape, a.tobytes("C")) for name, a in arrays.items()}


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    behind = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:behind]), content[behind:]


def put(path: Path, header: Any, values: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)


def test_weights_come_back_and_other_programs_read_them(path: Path) -> None:
    write_weights(path, ARRAYS)
    assert bits(read_weights(path)) == bits(load_file(path)) == bits(ARRAYS)
    write_weights(path, {})
    assert read_weights(path) == {}


def test_the_same_weights_have_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_weights(path, ARRAYS)
    write_weights(tmp_path / "again", ARRAYS)
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_a_flipped_bit_never_gives_another_value(path: Path) -> None:
    write_weights(path, ARRAYS)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            assert bits(read_weights(path)) == bits(ARRAYS)
        except RecordError as error:
            refused += error.value == str(path)
    assert len(whole) * 8 - refused <= 3  # a hexadecimal digit may be a capital one


@pytest.mark.parametrize("change", ["name", "dtype", "shape", "order"])
def test_a_header_that_says_something_else_is_refused(path: Path, change: str) -> None:
    write_weights(path, ARRAYS)
    header, values = parts(path)
    entry = header["0.weight"]
    if change == "name":
        header["1.weight"] = header.pop("0.weight")
    elif change == "dtype":
        entry["dtype"] = "I32"
    elif change == "shape":
        entry["shape"] = [4, 3]
    else:
        header["turned"], header["0.weight"] = entry, header["turned"]
    put(path, header, values)
    with pytest.raises(RecordError, match=r"it does not match its checksum; run it again"):
        read_weights(path)


def test_weights_without_a_checksum_are_refused(path: Path) -> None:
    path.write_bytes(save(ARRAYS))
    with pytest.raises(RecordError, match=r"it has no checksum, so damage could not be detected"):
        read_weights(path)


@pytest.mark.parametrize("metadata", [None, [], {}, {"sha256": 1}, "sha256"])
def test_what_is_no_checksum_is_refused(path: Path, metadata: object) -> None:
    put(path, {"__metadata__": metadata}, b"")
    with pytest.raises(RecordError, match=r"it has no checksum"):
        read_weights(path)


def sealed(header: dict[str, Any], values: bytes) -> dict[str, Any]:
    """A header with the right checksum, whatever it says."""
    checksum = weights._checksum(header, memoryview(values))
    return {"__metadata__": {"sha256": checksum}, **header}


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]},
        {"dtype": "U8", "shape": [2**62, 2**62], "data_offsets": [0, 4]},
        {"dtype": "U8", "shape": [1] * 100 + [4], "data_offsets": [0, 4]},
        {"dtype": "U8", "shape": [-4], "data_offsets": [0, 4]},
        {"dtype": "U8", "shape": [3], "data_offsets": [1, 4]},
        {"dtype": "U8", "data_offsets": [0, 4]},
        {"dtype": "U8", "shape": "4", "data_offsets": [0, 4]},
    ],
)
def test_a_tensor_that_cannot_be_is_refused(path: Path, entry: dict[str, Any]) -> None:
    put(path, sealed({"a": entry}, b"1234"), b"1234")
    with pytest.raises(RecordError, match=r"weights\.safetensors: the tensors cannot be read"):
        read_weights(path)


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (b"[]", "its header is not a JSON object"),
        (b"{", "its header is cut or garbled"),
        (b"\xff", "its header is cut or garbled"),
        (b'{"a":NaN}', "its header is cut or garbled"),
        (b'{"a":1,"a":1}', "its header is cut or garbled"),
        (b"[" * 100_000, "its header is cut or garbled"),
        ({"a": None}, "its header does not say where 'a' is"),
        ({"a": {"data_offsets": [0, 1.5]}}, "its header does not say where 'a' is"),
        ({"a": {"data_offsets": [0, 10**30]}}, rf"its header speaks of \d*{'0' * 9}"),
        ({"a": {"data_offsets": [0, -1]}}, "it has no checksum"),
    ],
)
def test_what_is_no_header_is_refused(path: Path, header: object, rule: str) -> None:
    put(path, header, b"")
    with pytest.raises(RecordError, match=rf"weights\.safetensors: .*{rule}"):
        read_weights(path)


def test_a_header_of_any_depth_is_refused(path: Path) -> None:
    for depth in range(900, 1000):
        value = b"[" * depth + b"]" * depth
        put(path, b'{"__metadata__":{"sha256":""},"a":{"data_offsets":[0,0],"b":%b}}' % value, b"")
        with pytest.raises(RecordError):
            read_weights(path)


def test_a_header_longer_than_the_file_is_not_read(path: Path) -> None:
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(RecordError, match=r"it has 10 bytes and says that the first \d+ are its"):
        read_weights(path)


def test_bytes_behind_the_values_are_refused(path: Path) -> None:
    write_weights(path, ARRAYS)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RecordError, match=rf"it has {size + 1} bytes and .* speaks of {size};"):
        read_weights(path)


def test_an_endless_file_or_header_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.write((weights.MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
        file.truncate(weights.MAX_BYTES)  # no byte of it lies on the disk
    with pytest.raises(RecordError, match=r"says that the first 16777225 are its header"):
        read_weights(path)
    with path.open("r+b") as file:
        file.truncate(weights.MAX_BYTES + 1)
    with pytest.raises(RecordError, match=r"bytes, and at most 68719476736 are read"):
        read_weights(path)


def test_missing_weights_are_named(path: Path) -> None:
    with pytest.raises(RecordError, match=r"weights\.safetensors: there is no such file"):
        read_weights(path)
