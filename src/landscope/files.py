"""Paths from users: ``~`` is expanded, and only regular files are opened."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A folder, a FIFO, a socket or a device: reading it could wait, or go on, for ever."""


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file for reading; links are followed.

    Args:
        path: The file.

    Raises:
        NotRegularError: Something else is there; it has not been read.
        OSError: It cannot be opened.
    """
    _check(path.stat().st_mode)  # opening alone already does something to some devices
    # It may have been replaced in between: a FIFO is not waited for, and looked at again.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    try:
        _check(os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotRegularError("it is not a regular file")


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path as a person writes it: ``~`` is the home, as in a shell; unknown homes stay."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises without a home)
