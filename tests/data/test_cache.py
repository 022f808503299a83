"""Fetching CIFAR-10, from a server on this machine in place of its official home."""

import hashlib
import io
import re
import sys
from pathlib import Path

import pooch
import pytest
from tests.data.served import Server
from tests.data.small_cifar import SmallCifar, check_small

from landscope.data import cifar10
from landscope.data.cifar10 import cache_folder, fetch
from landscope.errors import DataError, StorageError

NAME = "cifar-10-binary.tar.gz"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def publish(server: Server, body: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    """Serve ``body`` as the official archive, with its own checksum."""
    server.bodies[f"/{NAME}"] = body
    monkeypatch.setattr(cifar10, "URL", f"{server.address}/{NAME}")
    monkeypatch.setattr(cifar10, "ARCHIVE_MD5", hashlib.md5(body).hexdigest())
    return cifar10.URL


def test_fetches_once_and_unpacks_nothing(
    server: Server, cache: Path, small_cifar: SmallCifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server, small_cifar.archive(), monkeypatch)
    check_small(cifar10.load(), small_cifar)
    check_small(cifar10.load(), small_cifar)
    assert server.requests == [f"/{NAME}"]
    assert [path.name for path in cache.parent.rglob("*")] == ["cache", NAME]


def test_a_damaged_archive_in_the_cache_is_fetched_again(
    server: Server, cache: Path, small_cifar: SmallCifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = small_cifar.archive()
    publish(server, body, monkeypatch)
    cache.mkdir()
    (cache / NAME).write_bytes(body[:1000])
    check_small(cifar10.load(), small_cifar)
    assert (cache / NAME).read_bytes() == body


def test_a_wrong_checksum_leaves_nothing(
    server: Server, cache: Path, small_cifar: SmallCifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server, small_cifar.archive(), monkeypatch)
    server.bodies[f"/{NAME}"] = b"<html>please log in</html>"
    expected = f"^{url} gave a file with another checksum: its md5 should be .*--data-dir$"
    with pytest.raises(DataError, match=expected):
        cifar10.load()
    assert list(cache.iterdir()) == []


def test_a_cut_connection_leaves_nothing(
    server: Server, cache: Path, small_cifar: SmallCifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = small_cifar.archive()
    url = publish(server, body, monkeypatch)
    server.bodies[f"/{NAME}"] = body[: len(body) // 2]
    server.declared[f"/{NAME}"] = len(body)
    with pytest.raises(DataError, match=f"^{url} could not be fetched: .*; .*--data-dir$"):
        cifar10.load()
    assert list(cache.iterdir()) == []


def test_a_refusal_of_the_server_is_named(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server, b"", monkeypatch)
    server.bodies.clear()
    with pytest.raises(DataError, match=f"^{url} could not be fetched: 404.*--data-dir$"):
        cifar10.load()


def test_no_network_names_the_address_and_the_remedy(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9, "discard", of this machine: nothing listens there.
    monkeypatch.setattr(cifar10, "URL", f"http://127.0.0.1:9/{NAME}")
    message = f"^http://127.0.0.1:9/{NAME} could not be fetched: .*refused.*; download it elsewhere"
    with pytest.raises(DataError, match=message):
        cifar10.load()
    assert server.requests == []


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_for_terminals(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    url = publish(server, bytes(200_000), monkeypatch)
    path = fetch(url, md5=cifar10.ARCHIVE_MD5, remedy="r")
    assert path.read_bytes() == bytes(200_000)
    assert ("100%|" in stream.getvalue()) == terminal


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("LANDSCOPE_CACHE", str(blocked / "cache"))
    message = f"^the cache {re.escape(str(blocked))}/cache cannot be written: Not a dir.*LANDSCOPE_"
    with pytest.raises(StorageError, match=message):
        cifar10.load()


def test_the_cache_is_the_environments_or_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for given, folder in ((tmp_path, tmp_path), ("~/kept", tmp_path / "kept"), ("~none/k",) * 2):
        monkeypatch.setenv("LANDSCOPE_CACHE", str(given))
        assert cache_folder() == Path(folder)
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("LANDSCOPE_CACHE")
        else:
            monkeypatch.setenv("LANDSCOPE_CACHE", unset)
        assert cache_folder() == Path(pooch.os_cache("landscope"))


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"cifar-10-batches-bin/test_batch.bin": None}, "lacks cifar-10-batches-bin/test_batch.bi"),
        ({"cifar-10-batches-bin/test_batch.bin": b""}, "test_batch.bin is empty"),
        ({"cifar-10-batches-bin/data_batch_2.bin": b"x" * 99}, "data_batch_2.bin is cut"),
        ({"cifar-10-batches-bin/data_batch_2.bin": b"x" * 9999}, "data_batch_2.bin is too long"),
        ({"cifar-10-batches-bin/data_batch_2.bin": b"x" * 9219}, "data_batch_2.bin has md5"),
    ],
)
def test_a_bad_member_is_named(
    server: Server,
    cache: Path,
    small_cifar: SmallCifar,
    monkeypatch: pytest.MonkeyPatch,
    replaced: dict[str, bytes | None],
    message: str,
) -> None:
    publish(server, small_cifar.archive(replaced), monkeypatch)
    with pytest.raises(DataError, match=f"{NAME}.*{message}.*; delete this archive"):
        cifar10.load()


def test_every_cut_of_an_archive_is_refused(
    server: Server, cache: Path, small_cifar: SmallCifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = small_cifar.archive()
    cache.mkdir()
    url = f"{server.address}/{NAME}"
    monkeypatch.setattr(cifar10, "URL", url)
    for length in [*range(24), *range(24, len(whole) // 2, 997)]:
        (cache / NAME).write_bytes(whole[:length])
        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", hashlib.md5(whole[:length]).hexdigest())
        with pytest.raises(DataError, match=f"{NAME}.* (is cut|lacks)"):
            cifar10.load()
    assert server.requests == []
