"""The final weights of a run, as safetensors: tensors and nothing that could run.

The format has no checksum of its own, so a flipped bit of a value would be read as another value.
The header's ``__metadata__``, where the format keeps texts, has one here: the sha256 of all other
entries of the header, as canonical JSON, and of the values behind it. It covers each name, type and
shape, and any reader of safetensors reads the file as before.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from landscope.errors import RecordError
from landscope.runs.disk import reading_file, whole_file
from landscope.runs.manifest import canonical, parse

Arrays = dict[str, NDArray[np.generic]]

MAX_HEADER_BYTES = 16 * 2**20
"""Largest number of bytes of names, types and shapes; a file that claims more is not read."""
MAX_BYTES = 64 * 2**30
"""Of a whole file, which is larger than any network that one machine trains."""

_LENGTH_BYTES = 8  # the format starts with the length of its header
_METADATA = "__metadata__"
_CHECKSUM = "sha256"


def pack_tensors(arrays: Arrays) -> bytes:
    """The bytes of a safetensors file."""
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def parse_tensors(path: Path, content: bytes) -> Arrays:
    """The arrays in the bytes of a file, copied out of them.

    Args:
        path: Where they are from, for the error.
        content: The bytes.

    Raises:
        RecordError: They are damaged.
    """
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise RecordError(
            str(path), f"the tensors cannot be read ({error})", "run it again in a new folder"
        ) from error


def write_weights(path: Path, arrays: Arrays) -> None:
    """Replaces the weights at ``path``, wholly or not at all.

    Raises:
        StorageError: The folder cannot be written.
    """
    packed = pack_tensors(arrays)
    behind = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES], "little")
    entries = json.loads(packed[_LENGTH_BYTES:behind])
    values = memoryview(packed)[behind:]
    sealed = {_METADATA: {_CHECKSUM: _checksum(entries, values)}, **entries}
    header = json.dumps(sealed, separators=(",", ":")).encode("ascii")
    header += b" " * (-len(header) % _LENGTH_BYTES)  # the values stay aligned
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(_LENGTH_BYTES, "little"))
        file.write(header)
        file.write(values)


def read_weights(path: Path) -> Arrays:
    """The weights at ``path``, by the names of the model's state.

    Raises:
        RecordError: They are missing, cut, longer than their header says, or do not match their
            checksum; or they have none, as those that another program wrote.
    """
    with reading_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        behind = _LENGTH_BYTES + length
        if size > MAX_BYTES:
            raise _damaged(path, f"it has {size} bytes, and at most {MAX_BYTES} are read")
        if length > MAX_HEADER_BYTES or behind > size:
            raise _damaged(
                path, f"it has {size} bytes and says that the first {behind} are its header"
            )
        entries = _parse_header(path, file.read(length))
        expected = behind + _end_of_values(path, entries)
        if size != expected:
            raise _damaged(path, f"it has {size} bytes and its header speaks of {expected}")
        file.seek(0)
        content = file.read(size)
    _check(path, entries, memoryview(content)[behind:])
    return parse_tensors(path, content)


def _checksum(entries: dict[str, Any], values: memoryview) -> str:
    # Of the header's content and not of its bytes, which the checksum itself changes.
    digest = hashlib.sha256(canonical(entries))
    digest.update(values)
    return digest.hexdigest()


def _parse_header(path: Path, text: bytes) -> dict[str, Any]:
    try:
        parsed = parse(text)
    except ValueError as error:
        raise _damaged(path, "its header is cut or garbled") from error
    if not isinstance(parsed, dict):
        raise _damaged(path, "its header is not a JSON object")
    return cast(dict[str, Any], parsed)


def _check(path: Path, entries: dict[str, Any], values: memoryview) -> None:
    """Refuses what is not what was written, by its checksum."""
    match entries.pop(_METADATA, None):
        case {"sha256": str(expected)}:
            pass
        case _:
            raise _damaged(path, "it has no checksum, so damage could not be detected")
    try:
        found = _checksum(entries, values)
    except ValueError as error:
        raise _damaged(path, "its header is cut or garbled") from error
    if found != expected:
        raise _damaged(path, "it does not match its checksum")


def _end_of_values(path: Path, entries: dict[str, Any]) -> int:
    """Bytes of all values together, by what the header says of each tensor."""
    end = 0
    for name, entry in entries.items():
        if name == _METADATA:
            continue
        match entry:
            case {"data_offsets": [int(), int(last)]}:
                end = max(end, last)
            case _:
                raise _damaged(path, f"its header does not say where {name!r} is")
    return end


def _damaged(path: Path, rule: str) -> RecordError:
    return RecordError(
        str(path), f"the weights cannot be read: {rule}", "run it again in a new folder"
    )
