"""The contents of a data file, plain, gzip or xz: never more bytes than they should be."""

import hashlib
import lzma
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

from landscope.errors import DataError
from landscope.regular_file import open_regular

_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_CHUNK = 1 << 20
# An xz header chooses the decoder's memory, up to 4 GiB; `xz -9` asks for 65 MiB.
_XZ_MEMORY = 128 << 20


def read_at_most(path: Path, limit: int, *, remedy: str) -> bytes:
    """Read the first ``limit`` bytes of a file, decompressed where it is gzip or xz.

    The compression is told by the first bytes, not by the name. Reading one byte more than a
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
