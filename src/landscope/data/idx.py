"""IDX, the file format of MNIST and its relatives: a strict reader of unsigned bytes.

Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format": two zero bytes, a type code
(8 for unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit integer,
then the values, the last dimension fastest.
"""

import math
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from landscope.data.contents import check_digest, check_size, read_at_most
from landscope.errors import DataError

_UNSIGNED_BYTE = 8


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
