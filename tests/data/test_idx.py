import gzip
import hashlib
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from landscope.data.contents import idx_header, read_idx
from landscope.errors import DataError

# Written out by hand from the format's description: 2 images of 2 x 3 pixels.
HEADER = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3])
SHAPE = (2, 2, 3)
SMALL = HEADER + bytes(range(10, 22))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small-idx3-ubyte"


@pytest.mark.parametrize("packed", [False, True])
def test_reads_the_values_in_order(path: Path, packed: bool) -> None:
    path.write_bytes(gzip.compress(SMALL) if packed else SMALL)
    values = read_idx(path, shape=SHAPE, remedy="r", sha256=hashlib.sha256(SMALL).hexdigest())
    expected = [[[10, 11, 12], [13, 14, 15]], [[16, 17, 18], [19, 20, 21]]]
    assert values.dtype == torch.uint8
    assert values.tolist() == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4).map(tuple))
def test_header_holds_the_shape(shape: tuple[int, ...]) -> None:
    header = idx_header(shape)
    assert header[:4] == bytes([0, 0, 8, len(shape)])
    assert header[4:].hex() == "".join(f"{size:08x}" for size in shape)


@pytest.mark.parametrize("whole", [SMALL, gzip.compress(SMALL, mtime=0)], ids=["plain", "gzip"])
def test_every_cut_is_refused(path: Path, whole: bytes) -> None:
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"small-idx3-ubyte .*; fetch it again$"):
            read_idx(path, shape=SHAPE, remedy="fetch it again")


@settings(deadline=None)
@given(position=st.integers(0, len(HEADER) - 1), flip=st.integers(1, 255))
def test_every_change_of_the_header_is_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int
) -> None:
    changed = bytearray(SMALL)
    changed[position] ^= flip
    path = tmp_path_factory.mktemp("idx") / "changed"
    path.write_bytes(changed)
    with pytest.raises(DataError, match=r"starts with the bytes|says that its shape is|cut or dam"):
        read_idx(path, shape=SHAPE, remedy="r")


def test_another_type_is_named(path: Path) -> None:
    path.write_bytes(b"\x00\x00\x0d\x03" + SMALL[4:])
    message = "starts with the bytes 00 00 0d 03: an IDX file of 3-dimensional .* 00 00 08 03; r"
    with pytest.raises(DataError, match=message):
        read_idx(path, shape=SHAPE, remedy="r")


def test_a_header_of_another_size_is_named_and_not_followed(path: Path) -> None:
    path.write_bytes(idx_header((2**32 - 1, 2**32 - 1, 2**32 - 1)) + bytes(12))
    message = r"says that its shape is \(4294967295, .*: its shape should be \(2, 2, 3\); r"
    with pytest.raises(DataError, match=message):
        read_idx(path, shape=SHAPE, remedy="r")


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_after_the_values_are_refused(path: Path, packed: bool) -> None:
    longer = SMALL + b"\x00"
    path.write_bytes(gzip.compress(longer) if packed else longer)
    with pytest.raises(DataError, match=r"is too long: it should hold 28 bytes; r"):
        read_idx(path, shape=SHAPE, remedy="r")


def test_a_changed_value_is_refused_by_the_checksum(path: Path) -> None:
    path.write_bytes(SMALL[:-1] + b"\x00")
    with pytest.raises(DataError, match=r"has sha256 .* should be"):
        read_idx(path, shape=SHAPE, remedy="r", sha256=hashlib.sha256(SMALL).hexdigest())
