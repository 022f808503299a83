import gzip
import lzma
import os
import re
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from landscope.data.contents import check_digest, check_size, read_at_most
from landscope.errors import DataError

CONTENTS = bytes(range(256)) * 4
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
}


@pytest.fixture(params=list(PACKERS))
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[request.param](CONTENTS))
    return path


def read_and_check(path: Path) -> bytes:
    contents = read_at_most(path, len(CONTENTS) + 1, remedy="r")
    check_size(contents, len(CONTENTS), source=str(path), remedy="r")
    return contents


@pytest.mark.parametrize("limit", [0, 1, 100, 1023, 1024, 1025, 10_000])
def test_reads_the_first_bytes_and_no_more(packed: Path, limit: int) -> None:
    assert read_at_most(packed, limit, remedy="r") == CONTENTS[:limit]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_bomb_is_not_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(pack(bytes(64 << 20)))
    tracemalloc.start()
    try:
        assert read_at_most(bomb, 1000, remedy="r") == bytes(1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_an_xz_header_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    contents = bytearray(lzma.compress(CONTENTS, filters=filters))
    # The block header: size, flags, filter id, size of its properties, dictionary size, padding,
    # then its own CRC-32. 40 stands for 4 GiB less one byte.
    header = contents[12:20]
    assert header[2:4] == b"\x21\x01"
    header[4] = 40
    contents[12:24] = header + zlib.crc32(header).to_bytes(4, "little")
    path = tmp_path / "greedy.xz"
    path.write_bytes(contents)
    with pytest.raises(DataError, match=r"greedy\.xz is cut or damaged.*Memory usage limit"):
        read_at_most(path, 10_000, remedy="r")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_every_cut_of_a_compressed_file_is_refused(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(CONTENTS)
    path = tmp_path / "file"
    path.write_bytes(whole)
    assert read_and_check(path) == CONTENTS
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"is cut|is empty"):
            read_and_check(path)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_damaged_stream_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = bytearray(pack(CONTENTS))
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "damaged"
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"damaged is cut or damaged: it does not decompress"):
        read_at_most(path, len(CONTENTS) + 1, remedy="r")


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    message = re.escape(f"{path} is missing: a data set needs all of its files; fetch it")
    with pytest.raises(DataError, match=message):
        read_at_most(path, 1, remedy="fetch it")


def test_a_folder_in_place_of_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: it is not a regular file; move it"):
        read_at_most(tmp_path, 1, remedy="move it")


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "f is empty: it should hold 3 bytes; r"),
        (b"ab", "f is cut: it ends after 2 bytes: it should hold 3 bytes; r"),
        (b"abcd", "f is too long: it should hold 3 bytes; r"),
    ],
)
def test_another_size_is_refused(contents: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        check_size(contents, 3, source="f", remedy="r")


def test_another_digest_is_refused() -> None:
    # Both digests of "abc" are the published test vectors (RFC 1321; FIPS 180-2).
    md5 = "900150983cd24fb0d6963f7d28e17f72"
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    check_digest(b"abc", "md5", md5, source="f", remedy="r")
    check_digest(b"abc", "sha256", sha256, source="f", remedy="r")
    with pytest.raises(DataError, match=f"^f has md5 .*: the md5 of its contents .* {md5}; r$"):
        check_digest(b"abd", "md5", md5, source="f", remedy="r")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match=r"fifo cannot be read: it is not a regular file; move it"):
        read_at_most(tmp_path / "fifo", 10, remedy="move it")


def test_a_file_behind_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_at_most(tmp_path / "link", 10, remedy="") == b"data"


def test_of_a_gzip_file_no_more_is_read_than_its_contents_can_take(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"A" * 2**23)  # a name that never ends
    with pytest.raises(DataError, match=r"does not decompress .*it is longer than what it should"):
        read_at_most(path, 100, remedy="")
    path.write_bytes(gzip.compress(b"") * 100_000 + gzip.compress(b"late"))
    assert read_at_most(path, 100, remedy="") == b""
