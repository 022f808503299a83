"""The disk: files written completely or not at all, and errors with their remedies."""

import errno
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from landscope.errors import RecordError, StorageError
from landscope.files import NotRegularError, open_regular

TEMPORARY_SUFFIX = ".tmp"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_GONE = (errno.ENOENT, errno.ENOTDIR)


def _remedy(error: OSError) -> str:
    if error.errno in _FULL:
        return "free some space there, or choose a folder on another disk"
    if error.errno in _FORBIDDEN:
        return "choose a folder that you may write to"
    if error.errno in _GONE:
        return "check that its folder is still there, and do not move it during a run"
    return "check the disk, or choose another folder"


@contextmanager
def storing(path: Path) -> Generator[None]:
    """Turns the operating system's refusal to write ``path`` into a StorageError.

    Raises:
        StorageError: The disk is read-only, full or gone, or another OSError occurred.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(str(path), f"it cannot be written ({reason})", _remedy(error)) from error


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """Yields a temporary path beside ``path``; what is written there replaces it on success.

    A reader sees the old file or the new one, never a part; on an error the old one stays.

    Raises:
        StorageError: The folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    with storing(path):
        try:
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_synced(path: Path, content: bytes) -> None:
    """Writes a new file and waits until the disk has it.

    Raises:
        OSError: The disk refuses, or the file is there.
    """
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable, where the system can (Windows cannot)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        # Some network file systems refuse to sync a folder; the files themselves are synced.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_temporary(path: Path) -> bool:
    """Whether an interrupted ``whole_file`` left this file behind."""
    return path.name.startswith(".") and path.name.endswith(TEMPORARY_SUFFIX)


def check_inside(path: Path) -> None:
    """Refuses an entry that leads out of its folder, as a link in a copied study might.

    Raises:
        RecordError: ``path`` is a link to something outside of the folder that it is in.
    """
    try:
        inside = path.resolve().is_relative_to(path.parent.resolve())
    except (OSError, RuntimeError) as error:  # a loop of links
        raise RecordError(
            str(path), f"it cannot be followed ({error})", "remove the link"
        ) from error
    if not inside:
        raise RecordError(
            str(path),
            f"it is a link out of its folder, to {path.resolve()}, and is not followed",
            "put the records themselves there",
        )


@contextmanager
def reading_file(path: Path) -> Generator[BinaryIO]:
    """Opens a record for reading.

    Raises:
        RecordError: It is missing, leads out of its folder, is no regular file, or cannot be read.
    """
    check_inside(path)
    try:
        with open_regular(path) as file:
            yield file
    except NotRegularError as error:
        raise RecordError(
            str(path), "it is not a regular file", "check that this is a landscope folder"
        ) from error
    except FileNotFoundError as error:
        raise RecordError(
            str(path), "there is no such file", "check the path, or run the study again"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordError(
            str(path), f"it cannot be read ({reason})", "check its permissions and the disk"
        ) from error
