"""A disk that refuses at the n-th call that writes below a folder."""

import builtins
import errno
import io
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

ERRORS = {"full": errno.ENOSPC, "broken": errno.EIO, "read-only": errno.EROFS}
"""What a disk says, by what is the matter with it."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_NAMED = ("mkdir", "rename", "replace", "unlink", "remove")


class Faults:
    """Counts the calls that write below a folder, and lets one of them fail.

    Args:
        folder: Other places are left alone.
        at: Which call fails, counted from 1; 0 for none.
        number: The error's number.
        instead: What happens at that call before it fails, such as the folder's vanishing.
    """

    def __init__(
        self, folder: Path, at: int, number: int, instead: Callable[[], None] | None = None
    ) -> None:
        self._folder = os.path.realpath(folder)
        self._at, self._number, self._instead = at, number, instead
        self.calls = 0
        self.failed: str | None = None

    def meet(self, call: str, path: object) -> None:
        """A call that writes; fails if it is the one.

        Raises:
            OSError: It is the one.
        """
        if not self._is_below(path):
            return
        self.calls += 1
        if self.calls != self._at:
            return
        self.failed = f"{call} {Path(os.fsdecode(path)).name}"  # pyright: ignore
        if self._instead is not None:
            self._instead()
            return
        raise OSError(self._number, os.strerror(self._number), str(path))

    def _is_below(self, path: object) -> bool:
        if isinstance(path, int):
            return False
        name = os.path.realpath(os.fsdecode(path))  # pyright: ignore
        return name == self._folder or name.startswith(self._folder + os.sep)


class _File:
    """A file whose writes may fail, after a part of what was given has been written."""

    def __init__(self, file: Any, path: object, faults: Faults) -> None:
        self._file, self._path, self._faults = file, path, faults

    def write(self, data: Any) -> int:
        try:
            self._faults.meet("write", self._path)
        except OSError:
            self._file.write(data[: len(data) // 2])  # a disk is full in the midst of a line
            raise
        return self._file.write(data)

    def truncate(self, *size: int) -> int:
        self._faults.meet("truncate", self._path)
        return self._file.truncate(*size)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def failing(faults: Faults) -> Generator[Faults, None, None]:
    """While it lasts, whatever Python writes below the folder may fail."""
    opened, low, sync = io.open, os.open, os.fsync

    def open_file(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        writes = not isinstance(path, int) and set(mode) & set("wax+")
        if writes:
            faults.meet("open", path)
        file = opened(path, mode, *args, **kwargs)
        return _File(file, path, faults) if writes else file

    def open_low(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & _WRITING:
            faults.meet("open", path)
        return low(path, flags, *args, **kwargs)

    def synced(descriptor: int) -> None:
        faults.meet("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    def named(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if name not in ("unlink", "remove"):  # a full disk still deletes
                faults.meet(name, path)
            return real(path, *args, **kwargs)

        return call

    patches = [
        mock.patch.object(builtins, "open", open_file),
        mock.patch.object(io, "open", open_file),
        mock.patch.object(os, "open", open_low),
        mock.patch.object(os, "fsync", synced),
        *(mock.patch.object(os, name, named(name)) for name in _NAMED),
    ]
    for patch in patches:
        patch.start()
    try:
        yield faults
    finally:
        for patch in reversed(patches):
            patch.stop()
