"""The lock of a folder: one writer at a time; the system frees it when the writer dies."""

import os
import sys
import time
from pathlib import Path

from landscope.errors import StorageError
from landscope.runs.disk import storing

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_POLL_SECONDS = 0.02
_GLANCE_SECONDS = 0.2  # longest time for which a check of the lock may delay a writer


class Lock:
    """An exclusive lock on a file that stays where it is, for as long as the holder lives.

    Removing the file on release would let two writers hold locks on two files of one name.

    Args:
        path: The file; it is made where it is missing.
        rule: Why there can be no second holder, for the error.
        patience: Seconds to wait for a holder that is about to end.

    Raises:
        StorageError: Another process holds it, or the folder cannot be written or locked.
    """

    def __init__(
        self,
        path: Path,
        rule: str = "its journal is being written by another process or another Journal",
        *,
        patience: float = _GLANCE_SECONDS,
    ) -> None:
        # The lock lives in the open file, not on the disk: it is gone when the process is.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with storing(path):
            self._descriptor: int | None = os.open(path, flags, 0o666)
            try:
                held = _lock_within(self._descriptor, patience)
            except BaseException:
                os.close(self._descriptor)
                raise
        if not held:
            os.close(self._descriptor)
            raise StorageError(
                str(path.parent), rule, "wait until it ends, or choose another folder"
            )
        self._process = os.getpid()

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Lets the next writer in; a second call does nothing."""
        if self._descriptor is None:
            return
        # Unlocking by name, and not by closing alone, also frees it from forked children; in one of
        # those it would take the lock from the process that made it.
        if os.getpid() == self._process:
            _unlock(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on a file now; nothing is created or written.

    The check takes the lock for an instant, for which other processes have the patience.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # there is none, or it may not be locked
        return False
    try:
        if not _lock(descriptor):
            return True
        _unlock(descriptor)
        return False
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _lock_within(descriptor: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not _lock(descriptor):
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_SECONDS)
    return True
