"""CIFAR-10, binary version: from a folder, or fetched once from its official home.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images",
https://www.cs.toronto.edu/~kriz/cifar.html. Six files of 10,000 records; a record is the class
in one byte, then 3 x 32 x 32 bytes, red, green and blue plane, row by row. The other versions of
this data set are pickles, and are never read.
"""

import gzip
import os
import sys
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from landscope.data.contents import check_digest, check_size, read_at_most
from landscope.data.dataset import Dataset
from landscope.errors import DataError, StorageError
from landscope.files import expanded

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
# Of the decompressed files, in the order in which they are read; the last is the test set.
MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
RECORDS = 10_000
CHANNELS, SIDE = 3, 32
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
# Of all pixels of the training images, by channel, to four digits; 1 is the brightest level.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
_RECORD_BYTES = 1 + CHANNELS * SIDE * SIDE
_CACHE = "LANDSCOPE_CACHE"


def load(data_dir: Path | None = None) -> Dataset:
    """Read CIFAR-10 from a folder, or fetch it.

    Args:
        data_dir: Folder with the six files of the binary version, or the folder above
            ``cifar-10-batches-bin``; each file plain, or xz-compressed with ``.xz`` after its
            name. None reads the archive in the cache (``LANDSCOPE_CACHE``, or the user's own
            cache folder), and downloads it into there first where it is not.

    Returns:
        50,000 training and 10,000 test images of shape (n, 3, 32, 32) as bytes, and class
        numbers 0 to 9, on the CPU.

    Raises:
        DataError: A file is missing, empty, cut, damaged, or has another checksum; or the
            download failed.
        StorageError: The cache folder cannot be written.
    """
    files = _read_archive(_fetch_archive()) if data_dir is None else _read_folder(data_dir)
    parts = [_records(files[name]) for name in MD5]
    images = [images for images, _ in parts]
    labels = [labels for _, labels in parts]
    return Dataset(
        name="cifar-10",
        train_inputs=torch.cat(images[:-1]),
        train_targets=torch.cat(labels[:-1]),
        test_inputs=images[-1],
        test_targets=labels[-1],
        mean=torch.tensor(MEAN),
        std=torch.tensor(STD),
        classes=CLASSES,
    )


def cache_folder() -> Path:
    """Where downloads are kept: ``$LANDSCOPE_CACHE``, or the user's own cache folder."""
    return expanded(os.environ.get(_CACHE) or pooch.os_cache("landscope"))


def fetch(url: str, *, md5: str, remedy: str) -> Path:
    """The file at ``url``, from the cache if it is there with the right checksum.

    A download goes to a temporary name beside its place and moves there when it is complete and
    its checksum is right, so one that was cut leaves nothing behind.

    Args:
        url: Address of the file.
        md5: Its checksum, as its publisher states it.
        remedy: What the user can do where the address cannot be reached.

    Returns:
        Path of the file in the cache.

    Raises:
        DataError: The download failed, was cut, or has another checksum.
        StorageError: The cache folder cannot be written.
    """
    folder = cache_folder()
    # No bar where there is no terminal; pooch logs one plain line in any case.
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=1 << 16)
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"md5:{md5}",
            fname=Path(urlsplit(url).path).name,
            path=folder,
            # pooch's protocol of downloaders names other arguments than its own downloaders do.
            downloader=downloader,  # pyright: ignore[reportArgumentType]
        )
    except requests.RequestException as error:
        raise DataError(f"{url} could not be fetched", str(error), remedy) from error
    except ValueError as error:
        # What pooch raises for a wrong checksum; its own text speaks of pooch's registries.
        raise DataError(
            f"{url} gave a file with another checksum", f"its md5 should be {md5}", remedy
        ) from error
    except OSError as error:
        raise StorageError(
            f"the cache {folder} cannot be written",
            error.strerror or str(error),
            f"free some space there, or name another folder in the environment as {_CACHE}",
        ) from error
    return Path(path)


def _fetch_archive() -> Path:
    remedy = f"download it elsewhere, unpack it, and give the folder {FOLDER} with --data-dir"
    return fetch(URL, md5=ARCHIVE_MD5, remedy=remedy)


def _read_folder(data_dir: Path) -> dict[str, bytes]:
    """The six files' contents by name, each checked."""
    inner = data_dir / FOLDER
    folder = inner if inner.is_dir() else data_dir
    if not folder.is_dir():
        raise DataError(
            f"{data_dir} is not a folder",
            f"--data-dir names {FOLDER} or the folder above it",
            "name an existing folder, or leave --data-dir out to fetch CIFAR-10",
        )
    # Decompression is most of the work, and lets other threads run.
    with ThreadPoolExecutor(max_workers=len(MD5)) as threads:
        return dict(zip(MD5, threads.map(lambda name: _read_file(folder, name), MD5), strict=True))


def _read_file(folder: Path, name: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.xz"
    path = packed if packed.exists() and not plain.exists() else plain
    remedy = f"replace it by the one in {URL}, or leave --data-dir out to fetch that"
    contents = read_at_most(path, _size() + 1, remedy=remedy)
    return _checked(contents, name, source=str(path), remedy=remedy)


def _read_archive(archive: Path) -> dict[str, bytes]:
    """As ``_read_folder``, from the tar: these six members only, nothing unpacked to disk."""
    remedy = "delete this archive and start again to fetch it anew, or give --data-dir"
    members = {f"{FOLDER}/{name}": name for name in MD5}
    files: dict[str, bytes] = {}
    try:
        # Unpacked by gzip itself: the stream of tarfile has no errors of its own for a cut header.
        with gzip.open(archive) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
            for member in tar:
                name = members.get(member.name)
                stream = tar.extractfile(member) if name and member.isfile() else None
                if name and stream:
                    source = f"{archive}:{member.name}"
                    contents = stream.read(_size() + 1)
                    files[name] = _checked(contents, name, source=source, remedy=remedy)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(
            f"{archive} is cut or damaged", f"it does not unpack ({error})", remedy
        ) from error
    if missing := [member for member, name in members.items() if name not in files]:
        raise DataError(
            f"{archive} lacks {', '.join(missing)}", "CIFAR-10 needs all six files", remedy
        )
    return files


def _checked(contents: bytes, name: str, *, source: str, remedy: str) -> bytes:
    check_size(contents, _size(), source=source, remedy=remedy)
    check_digest(contents, "md5", MD5[name], source=source, remedy=remedy)
    return contents


def _size() -> int:
    return RECORDS * _RECORD_BYTES


def _records(
    contents: bytes,
) -> tuple[UInt8[Tensor, "n 3 32 32"], Int64[Tensor, " n"]]:
    # A bytearray, because torch warns about memory that it may not write to.
    records = torch.frombuffer(bytearray(contents), dtype=torch.uint8).reshape(-1, _RECORD_BYTES)
    return records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE), records[:, 0].long()
