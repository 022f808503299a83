"""Checkpoints: the state of a run, as tensors and plain values, complete or absent.

A run's folder holds the newest two::

    checkpoints/
      latest.json                       the pointer: which is the newest, and which the one before
      step-120-0a1b2c3d/
        manifest.json                   step, place in the journal, size and sha256 of each file
        values.json                     what is no tensor
        tensors.safetensors

A checkpoint is written under a temporary name, synced and renamed, and only then pointed at; the
one before stays until the pointer has moved. There is no pickle in it: nothing that is read here
can run code, and sizes and checksums are compared before anything is parsed.
"""

import hashlib
import json
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from landscope.errors import RecordError
from landscope.runs.disk import (
    TEMPORARY_SUFFIX,
    check_inside,
    reading_file,
    storing,
    sync_folder,
    write_synced,
)
from landscope.runs.line import Mark
from landscope.runs.manifest import Manifest, read_manifest, write_manifest
from landscope.runs.weights import Arrays, pack_tensors, parse_tensors

_POINTER = "latest.json"
_MANIFEST = "manifest.json"
_VALUES = "values.json"
_TENSORS = "tensors.safetensors"
_FILES = (_VALUES, _TENSORS)
_AGAIN = "delete the run's folder to start it again from its first step"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run between two steps.

    Args:
        step: Steps taken.
        mark: The end of the journal at that time.
        seconds: Seconds that the run had taken.
        values: JSON values.
        tensors: Arrays by name.
    """

    step: int
    mark: Mark
    seconds: float
    values: Any
    tensors: Arrays


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _CheckpointManifest(Manifest):
    step: int = Field(ge=0)
    lines: int = Field(ge=0)
    bytes: int = Field(ge=0)
    checksum: int = Field(ge=0, lt=2**32)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    files: dict[str, _File]


class _Pointer(Manifest):
    latest: str = Field(pattern=r"^step-[0-9]{1,20}-[0-9a-f]{8}$")
    before: str | None = Field(default=None, pattern=r"^step-[0-9]{1,20}-[0-9a-f]{8}$")


class Checkpoints:
    """The checkpoints of one run, for the holder of its lock.

    Args:
        folder: Their folder. Nothing is touched before the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint and then points at it; the one before stays, older ones go.

        Raises:
            StorageError: The disk refuses; the checkpoints before are as they were.
            RecordError: The folder is a link to somewhere else.
        """
        before = self._newest_name()
        name = f"step-{checkpoint.step}-{secrets.token_hex(4)}"
        with storing(self._folder):
            self._folder.mkdir(exist_ok=True)
            check_inside(self._folder)
            sync_folder(self._folder.parent)
        self._write_folder(name, checkpoint)
        write_manifest(self._folder / _POINTER, _Pointer(format=1, latest=name, before=before))
        self._sweep({name, before})

    def newest(self, *, at_most: int) -> Checkpoint | None:
        """The newest checkpoint that is whole; None where none was ever written.

        Args:
            at_most: Largest total size in bytes; a checkpoint that claims more is not read.

        Raises:
            RecordError: There are checkpoints and none of them is whole.
        """
        if not os.path.lexists(self._folder / _POINTER):
            return None
        pointer = self._pointer()
        names = [name for name in (pointer.latest, pointer.before) if name]
        refusals: list[RecordError] = []
        for name in names:
            try:
                return self._read(self._folder / name, at_most)
            except RecordError as error:
                refusals.append(error)
        raise refusals[0]

    def clear(self) -> None:
        """Deletes all of them: the run has ended, and its records say everything."""
        if not os.path.lexists(self._folder):
            return
        check_inside(self._folder)
        with storing(self._folder):
            # The pointer goes first: a checkpoint is never pointed at when parts of it are gone.
            (self._folder / _POINTER).unlink(missing_ok=True)
            sync_folder(self._folder)
            shutil.rmtree(self._folder)

    def _newest_name(self) -> str | None:
        with suppress(RecordError):  # a pointer that cannot be read is about to be replaced
            return self._pointer().latest
        return None

    def _pointer(self) -> _Pointer:
        check_inside(self._folder)
        return read_manifest(self._folder / _POINTER, _Pointer)

    def _write_folder(self, name: str, checkpoint: Checkpoint) -> None:
        temporary = self._folder / f".{name}{TEMPORARY_SUFFIX}"
        values = json.dumps(checkpoint.values, allow_nan=False, separators=(",", ":"))
        contents = {_VALUES: values.encode("ascii"), _TENSORS: pack_tensors(checkpoint.tensors)}
        try:
            with storing(temporary):
                temporary.mkdir()
                for file, content in contents.items():
                    write_synced(temporary / file, content)
            manifest = _CheckpointManifest(
                format=1,
                step=checkpoint.step,
                lines=checkpoint.mark.lines,
                bytes=checkpoint.mark.size,
                checksum=checkpoint.mark.checksum,
                seconds=checkpoint.seconds,
                files={file: _file_of(content) for file, content in contents.items()},
            )
            write_manifest(temporary / _MANIFEST, manifest)
            with storing(temporary):
                temporary.rename(self._folder / name)
                sync_folder(self._folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise

    def _read(self, folder: Path, at_most: int) -> Checkpoint:
        check_inside(folder)
        manifest = read_manifest(folder / _MANIFEST, _CheckpointManifest)
        files = manifest.files
        if set(files) != set(_FILES):
            raise RecordError(
                str(folder / _MANIFEST), f"a checkpoint has the files {', '.join(_FILES)}", _AGAIN
            )
        size = sum(file.bytes for file in files.values())
        if size > at_most:
            raise RecordError(
                str(folder),
                f"it says that it has {size} bytes, and this run's state has at most {at_most}",
                _AGAIN,
            )
        values = _checked(folder / _VALUES, files[_VALUES])
        tensors = _checked(folder / _TENSORS, files[_TENSORS])
        return Checkpoint(
            step=manifest.step,
            mark=Mark(manifest.lines, manifest.bytes, manifest.checksum),
            seconds=manifest.seconds,
            values=_parsed(folder / _VALUES, values),
            tensors=parse_tensors(folder / _TENSORS, tensors),
        )

    def _sweep(self, keep: set[str | None]) -> None:
        """Deletes everything without a pointer to it, including parts of checkpoints."""
        with storing(self._folder):
            entries = list(self._folder.iterdir())
        for entry in entries:
            stale = entry.name.startswith(("step-", ".step-")) and entry.name not in keep
            if stale and entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)


def _file_of(content: bytes) -> _File:
    return _File(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _checked(path: Path, expected: _File) -> bytes:
    """The contents of a file that has the size and the checksum that it should have."""
    with reading_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(expected.bytes) if size == expected.bytes else b""
    if size != expected.bytes:
        raise RecordError(
            str(path), f"it has {size} bytes and should have {expected.bytes}", _AGAIN
        )
    if _file_of(content) != expected:
        raise RecordError(str(path), "it does not match its checksum", _AGAIN)
    return content


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordError(str(path), "it is not JSON", _AGAIN) from error
