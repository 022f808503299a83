"""Disks that are full, read-only, gone or not to be read, and no mere imitations of such."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from torture.failing_disk.commands import Command, attempt, temporary_files
from torture.failing_disk.each_call import judge, undisturbed
from torture.failing_disk.faults import Faults, failing

_PAGE = 4096
_DISK = 64 * 2**20
_NOBODY = 65534
_UNMOUNT_LAZILY = 2


class NoDiskError(Exception):
    """This process may not have a disk of its own, or may not be another user."""


@contextmanager
def small_disk(size: int = _DISK) -> Generator[Path, None, None]:
    """A file system in memory of that many bytes, for as long as it lasts.

    Raises:
        NoDiskError: This process may not mount one.
    """
    place = Path(tempfile.mkdtemp())
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        where = str(place).encode()
        if libc.mount(b"tmpfs", where, b"tmpfs", 0, f"size={size}".encode()) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise NoDiskError(f"a small disk cannot be mounted here ({reason})")
        try:
            yield place
        finally:
            libc.umount2(where, _UNMOUNT_LAZILY)
    finally:
        place.rmdir()


def fill_up(command: Command, pages: list[int]) -> dict[str, Any]:
    """Does a command on a disk that has so many pages left, then makes room and does it again.

    Args:
        command: What is done.
        pages: How much is left, each time.

    Raises:
        NoDiskError: This process may not mount one.
    """
    flaws: list[str] = []
    refused = 0
    with small_disk() as disk, tempfile.TemporaryDirectory() as elsewhere:
        undisturbed(command, Path(elsewhere))
        for left in pages:
            folder = disk / "folder"
            folder.mkdir()
            command.prepare(folder)
            _leave(disk / "filler", left)
            told = attempt(command, folder)
            refused += told.code != 0
            found = [*judge(told), *command.flaws(folder, told.code == 0)]
            (disk / "filler").unlink()
            again = attempt(command, folder)
            if again.code or again.crash:
                found.append(f"it does not go on: {again.text or again.crash}")
            found += [f"at the end {flaw}" for flaw in command.flaws(folder, True)]
            found += [f"{name} is left behind" for name in temporary_files(folder)]
            flaws += [f"{left} pages left: {flaw}" for flaw in found]
            shutil.rmtree(folder)
    return {"calls": len(pages), "refused": refused, "flaws": flaws}


def _leave(filler: Path, pages: int) -> None:
    """Fills a disk up with one file, and leaves so many pages."""
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(256 * _PAGE))
        with suppress(OSError):
            while True:
                file.write(bytes(_PAGE))
        file.truncate(max(0, file.tell() - pages * _PAGE))


def vanish(command: Command, place: Path, step: int = 1) -> dict[str, Any]:
    """The folder is gone at each of the calls that write, one after the other."""
    undisturbed(command, place)
    flaws: list[str] = []
    calls = refused = 0
    for at in range(1, 2000, step):
        folder = place / "folder"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        command.prepare(folder)
        faults = Faults(folder, at, 0, instead=lambda: shutil.rmtree(folder))  # noqa: B023
        with failing(faults):
            told = attempt(command, folder)
        if faults.failed is None:
            break
        calls += 1
        refused += told.code != 0
        flaws += [f"gone at {faults.failed}: {flaw}" for flaw in judge(told)]
    return {"calls": calls, "refused": refused, "flaws": flaws}


@contextmanager
def unprivileged() -> Generator[None, None, None]:
    """Without root's rights, where it has them: root may read and write everything.

    Raises:
        NoDiskError: This process cannot give them away for a while.
    """
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(_NOBODY)
    except OSError as error:
        raise NoDiskError(f"this process cannot be another user ({error.strerror})") from error
    try:
        yield
    finally:
        os.seteuid(user)


def forbid(command: Command, reads: list[Command]) -> dict[str, Any]:
    """A folder that may not be written, and then files that may not be read.

    Args:
        command: Writes.
        reads: Commands that read what ``command`` has written.

    Raises:
        NoDiskError: This process cannot be another user.
    """
    place = Path(tempfile.mkdtemp())
    flaws: list[str] = []
    calls = refused = 0
    try:
        command.prepare(place)
        _open_to_all(place, 0o555, 0o444)
        with unprivileged():
            told = attempt(command, place)
        calls, refused = 1, int(told.code != 0)
        flaws += judge(told) or ([] if told.code else ["a read-only folder was written"])
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            _open_to_all(place, 0o755, 0o444)
            path.chmod(0o000)
            for read in reads:
                with unprivileged():
                    told = attempt(read, place)
                calls, refused = calls + 1, refused + (told.code != 0)
                flaws += [f"{path.name}, {read.name}: {flaw}" for flaw in judge(told)]
    finally:
        _open_to_all(place, 0o755, 0o644)
        shutil.rmtree(place)
    return {"calls": calls, "refused": refused, "flaws": flaws}


def _open_to_all(place: Path, folders: int, files: int) -> None:
    for path in (place, *place.rglob("*")):
        path.chmod(folders if path.is_dir() else files)
