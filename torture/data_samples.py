"""Samples of the data files: the bundled images themselves, and a CIFAR-10 of one record a file."""

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

from landscope.data import cifar10, fashion_mnist
from landscope.data.contents import read_idx
from torture.sample import Sample, digest_of

Make = Callable[[Path], Sample]

_RECORD_BYTES = 1 + 3 * 32 * 32
DAMAGED = "data_batch_2.bin"  # the one of the six that is damaged


def bundled(path: Path, name: str, shape: tuple[int, ...], other: str) -> Sample:
    """One of the bundled files, gzip-compressed IDX."""
    file = path / f"{name}.gz"
    file.write_bytes((fashion_mnist.FOLDER / file.name).read_bytes())

    def read() -> str:
        sha256 = fashion_mnist.SHA256[name]
        images = read_idx(file, shape=shape, remedy="install it again", sha256=sha256)
        return digest_of({"images": images.numpy()})

    another = (fashion_mnist.FOLDER / f"{other}.gz").read_bytes()
    return Sample(file, read, {read()}, another)


def _files(seed: int) -> dict[str, bytes]:
    """Six files of one record each; a few levels only, so that their archive is small."""
    stream = Random(seed)
    return {
        name: bytes([label]) + stream.randbytes(16) * (_RECORD_BYTES // 16)
        for label, name in enumerate(cifar10.MD5)
    }


def _load(files: dict[str, bytes], folder: Path | None, archive: Path | None = None) -> str:
    """What is read of a CIFAR-10 with so many records and such checksums."""
    digests = {name: hashlib.md5(body).hexdigest() for name, body in files.items()}
    with (
        patch.multiple(cifar10, RECORDS=1, MD5=digests),
        patch.object(cifar10, "_fetch_archive", lambda: archive),
    ):
        data = cifar10.load(folder)
    given = {"inputs": data.train_inputs, "targets": data.train_targets}
    given |= {"test inputs": data.test_inputs, "test targets": data.test_targets}
    return digest_of({name: tensor.numpy() for name, tensor in given.items()})


def cifar(path: Path, pack: Callable[[bytes], bytes], suffix: str) -> Sample:
    """The binary version of CIFAR-10 in a folder."""
    files = _files(0)
    for name, body in files.items():
        (path / f"{name}{suffix}").write_bytes(pack(body))
    read = partial(_load, files, path)
    other = pack(_files(1)[DAMAGED])
    return Sample(path / f"{DAMAGED}{suffix}", read, {read()}, other)


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def archive(path: Path) -> Sample:
    """The archive of CIFAR-10, past the checksum of the whole that guards the cache."""
    files = _files(0)
    file = path / "cifar-10-binary.tar.gz"
    file.write_bytes(gzip.compress(_tar(files), mtime=0))
    read = partial(_load, files, None, file)
    return Sample(file, read, {read()}, gzip.compress(_tar(_files(1)), mtime=0))


def unpacked_archive(path: Path) -> Sample:
    """The archive of CIFAR-10 with damage that gzip's own checksum does not see."""
    files = _files(0)
    file = path / "cifar-10-binary.tar"
    file.write_bytes(_tar(files))

    def read() -> str:
        packed = file.with_suffix(".tar.gz")
        packed.write_bytes(gzip.compress(file.read_bytes(), compresslevel=1, mtime=0))
        return _load(files, None, packed)

    return Sample(file, read, {read()}, _tar(_files(1)))


_LABELS, _IMAGES = "t10k-labels-idx1-ubyte", "t10k-images-idx3-ubyte"

SAMPLES: Mapping[str, Make] = {
    "IDX labels, gzip": partial(
        bundled, name=_LABELS, shape=(1000,), other="train-labels-idx1-ubyte"
    ),
    "IDX images, gzip": partial(
        bundled, name=_IMAGES, shape=(1000, 28, 28), other="train-images-idx3-ubyte"
    ),
    "CIFAR-10": partial(cifar, pack=bytes, suffix=""),
    "CIFAR-10, xz": partial(cifar, pack=lzma.compress, suffix=".xz"),
    "CIFAR-10, its archive": archive,
    "CIFAR-10, the tar in its archive": unpacked_archive,
}
"""Every data file that is read, by the name in the table: how to write a sample of it."""
