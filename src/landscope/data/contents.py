"""The contents of a data file, plain, gzip or xz, or IDX: never more bytes than they should be.

IDX is the file format of MNIST and its relatives, read strictly and for unsigned bytes alone.
Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format": two zero bytes, a type code
(8 for unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit integer,
then the values, the last dimension fastest.
"""

import hashlib
import lzma
import math
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from landscope.errors import DataError
from landscope.files import open_regular

_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_CHUNK = 1 << 20
# An xz header chooses the decoder's memory, up to 4 GiB; `xz -9` asks for 65 MiB.
_XZ_MEMORY = 128 << 20
_UNSIGNED_BYTE = 8


def read_at_most(path: Path, limit: int, *, remedy: str) -> bytes:
    """Read the first ``limit`` bytes of a file, decompressed where it is gzip or xz.

    The first bytes say the compression, not the name. Reading one byte more than a
    file should hold shows a file that is too long, without ever holding all of it.

    Args:
        path: The file.
        limit: Largest number of decompressed bytes to return.
        remedy: What the user can do about a bad file.

    Returns:
        The bytes; fewer than ``limit`` where the file ends before.

    Raises:
        DataError: The file is missing, unreadable, or its compressed stream is cut or damaged.
    """
    try:
        with open_regular(path) as file:
            start = file.read(len(_XZ_MAGIC))
            file.seek(0)
            if start.startswith(_GZIP_MAGIC):
                return _read_gzip(file, limit)
            if start == _XZ_MAGIC:
                return _read_xz(file, limit)
            return file.read(limit)
    except FileNotFoundError:
        raise DataError(f"{path} is missing", "a data set needs all of its files", remedy) from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            f"{path} is cut or damaged", f"it does not decompress ({error})", remedy
        ) from error
    except MemoryError:
        raise DataError(
            f"{path} cannot be read", f"there is no memory for {limit} bytes", "free some memory"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or str(error), remedy) from error


def check_size(contents: bytes, size: int, *, source: str, remedy: str) -> None:
    """Refuse contents that are empty, cut or too long.

    Args:
        contents: What was read, with ``read_at_most(path, size + 1)``.
        size: Bytes that it should be.
        source: The file's name, for the error.
        remedy: What the user can do about a bad file.

    Raises:
        DataError: The contents have another length.
    """
    rule = f"it should hold {size} bytes"
    if not contents:
        raise DataError(f"{source} is empty", rule, remedy)
    if len(contents) < size:
        raise DataError(f"{source} is cut: it ends after {len(contents)} bytes", rule, remedy)
    if len(contents) > size:
        raise DataError(f"{source} is too long", rule, remedy)


def check_digest(
    contents: bytes,
    algorithm: Literal["md5", "sha256"],
    digest: str,
    *,
    source: str,
    remedy: str,
) -> None:
    """Refuse contents that are not the published ones.

    Args:
        contents: What was read, decompressed.
        algorithm: The checksum that the publisher of the data states.
        digest: The checksum expected, in hexadecimal.
        source: The file's name, for the error.
        remedy: What the user can do about a bad file.

    Raises:
        DataError: The checksum is another one.
    """
    found = hashlib.new(algorithm, contents, usedforsecurity=False).hexdigest()
    if found != digest:
        raise DataError(
            f"{source} has {algorithm} {found}",
            f"the {algorithm} of its contents should be {digest}",
            remedy,
        )


def _read_gzip(file: BinaryIO, limit: int) -> bytes:
    """The first member; ``gzip`` takes a header byte by byte, and any number of empty members."""
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    contents = BytesIO()  # gives its bytes without a copy of them
    while contents.tell() < limit and not decompressor.eof:
        raw = decompressor.unconsumed_tail or _next(file, limit)
        contents.write(decompressor.decompress(raw, min(_CHUNK, limit - contents.tell())))
    return contents.getvalue()


def _read_xz(file: BinaryIO, limit: int) -> bytes:
    """``lzma.open`` has no limit on memory, so drive the decompressor by hand."""
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    contents = BytesIO()
    while contents.tell() < limit and not decompressor.eof:
        raw = _next(file, limit) if decompressor.needs_input else b""
        contents.write(decompressor.decompress(raw, min(_CHUNK, limit - contents.tell())))
    return contents.getvalue()


def _next(file: BinaryIO, limit: int) -> bytes:
    """The next compressed bytes.

    Raises:
        EOFError: There are none, or far more than what they hold could take.
    """
    if file.tell() > limit + limit // 8 + _CHUNK:
        raise EOFError("it is longer than what it should hold")
    raw = file.read(_CHUNK)
    if not raw:
        raise EOFError("the file ends before its end-of-stream mark")
    return raw


def idx_header(shape: tuple[int, ...]) -> bytes:
    """The first bytes of an IDX file of unsigned bytes with this shape."""
    magic = bytes([0, 0, _UNSIGNED_BYTE, len(shape)])
    return magic + b"".join(size.to_bytes(4, "big") for size in shape)


def read_idx(
    path: Path, *, shape: tuple[int, ...], remedy: str, sha256: str | None = None
) -> UInt8[Tensor, "..."]:
    """Read an IDX file, plain, gzip or xz, whose shape is known beforehand.

    Nothing that the header says decides how much is read or allocated: a header that differs
    from ``shape``, or a file that holds more, is refused.

    Args:
        path: The file.
        shape: The dimensions that the file should have.
        remedy: What the user can do about a bad file.
        sha256: Checksum of the decompressed file; None reads a file without a known one.

    Returns:
        The values, of shape ``shape``.

    Raises:
        DataError: The file is missing, empty, cut, damaged, too long, of another type or shape,
            or has another checksum.
    """
    header = idx_header(shape)
    size = len(header) + math.prod(shape)
    contents = read_at_most(path, size + 1, remedy=remedy)
    if len(contents) >= len(header):
        _check_header(contents[: len(header)], shape, path, remedy)
    check_size(contents, size, source=str(path), remedy=remedy)
    if sha256 is not None:
        check_digest(contents, "sha256", sha256, source=str(path), remedy=remedy)
    # A bytearray, because torch warns about memory that it may not write to.
    values = torch.frombuffer(bytearray(contents), dtype=torch.uint8, offset=len(header))
    return values.reshape(shape)


def _check_header(header: bytes, shape: tuple[int, ...], path: Path, remedy: str) -> None:
    magic, dimensions = header[:4], header[4:]
    if magic != idx_header(shape)[:4]:
        raise DataError(
            f"{path} starts with the bytes {magic.hex(' ')}",
            f"an IDX file of {len(shape)}-dimensional unsigned bytes starts with "
            f"{idx_header(shape)[:4].hex(' ')}",
            remedy,
        )
    found = tuple(
        int.from_bytes(dimensions[start : start + 4], "big")
        for start in range(0, len(dimensions), 4)
    )
    if found != shape:
        raise DataError(
            f"{path} says that its shape is {found}", f"its shape should be {shape}", remedy
        )
