"""Failing disks in short, and that each of their bars would turn red if something were lost."""

import contextlib
import errno
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from landscope.errors import StorageError
from landscope.runs.disk import storing, whole_file
from torture.failing_disk import bars, fail_at_each_call
from torture.failing_disk.commands import Command, attempt
from torture.failing_disk.disks import NoDiskError, fill_up, forbid, small_disk, vanish


@pytest.mark.slow
def test_a_failing_disk_loses_nothing_and_the_command_goes_on() -> None:
    # Not in this process, where every call's types are checked, which takes longer than the disk.
    code = "import json; from torture import failing_disk as f; print(json.dumps(f.run(True)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert [row["flaws"] for row in found["rows"] if row["flaws"]] == []
    assert [bar for bar in found["bars"] if not bar["met"]] == []


ROOT = Path(__file__).parents[2]
OLD, NEW = "old " * 100, "new " * 9000  # the new one takes several pages of a disk more


def command(write: Callable[[Path], None], *, reads: bool = True) -> Command:
    """Replaces one file; what is neither the old one nor the new one is a flaw."""

    def prepare(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "file").write_text(OLD, "utf-8")

    def flaws(folder: Path, ended: bool) -> list[str]:
        found = (folder / "file").read_text("utf-8") if (folder / "file").exists() else ""
        return [] if found == NEW or (found == OLD and not ended) else ["the file is not whole"]

    return Command("write", prepare, lambda folder: write(folder / "file"), flaws)


def whole(path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(NEW, "utf-8")


def in_place(path: Path) -> None:
    """The fault that whole files are there against."""
    with storing(path):
        path.write_text(NEW, "utf-8")


def silent(path: Path) -> None:
    """A failure is not told."""
    with contextlib.suppress(StorageError):
        whole(path)


def bare(path: Path) -> None:
    """A failure of the system comes through as it is."""
    temporary = path.with_suffix(".new")
    temporary.write_text(NEW, "utf-8")
    temporary.replace(path)


def littering(path: Path) -> None:
    """A temporary file stays behind."""
    temporary = path.with_name(f".{secrets.token_hex(4)}.tmp")
    with storing(path):
        temporary.write_text(NEW, "utf-8")
        temporary.replace(path)


def stuck(path: Path) -> None:
    """A failure leaves something in the way of the next attempt."""
    mark = path.with_name("at-work")
    with storing(path):
        with mark.open("x"):
            whole(path)
        mark.unlink()


def test_what_writes_whole_files_has_no_flaws(tmp_path: Path) -> None:
    found = fail_at_each_call(command(whole), errno.ENOSPC, tmp_path)
    assert found["flaws"] == []
    assert found["refused"] >= 4  # open, write, sync, rename


@pytest.mark.parametrize(
    ("write", "flaw"),
    [
        (in_place, "the file is not whole"),
        (bare, "crashed: OSError"),
        (littering, ".tmp is left behind"),
        (stuck, "it does not go on"),
    ],
)
def test_a_planted_fault_turns_the_bar_red(
    tmp_path: Path, write: Callable[[Path], None], flaw: str
) -> None:
    found = fail_at_each_call(command(write), errno.ENOSPC, tmp_path)
    assert any(flaw in each for each in found["flaws"]), found
    (held, *_) = bars([found])
    assert not held["met"]


def test_failures_that_are_not_told_turn_a_bar_red(tmp_path: Path) -> None:
    found = fail_at_each_call(command(silent), errno.EIO, tmp_path)
    assert found["refused"] == 0
    assert not bars([found])[-1]["met"]


def test_a_full_disk_is_a_real_one() -> None:
    try:
        found = fill_up(command(in_place), [0, 1])
    except NoDiskError as error:
        pytest.skip(str(error))
    assert any("0 pages left: the file is not whole" in flaw for flaw in found["flaws"])
    assert fill_up(command(whole), [0, 1])["flaws"] == []
    with small_disk(4096) as disk:
        (disk / "one").write_bytes(bytes(4096))
        with pytest.raises(OSError, match="No space left"):
            (disk / "two").write_bytes(bytes(1))


def test_a_folder_that_vanishes_is_told_of(tmp_path: Path) -> None:
    assert vanish(command(whole), tmp_path)["flaws"] == []
    assert any("crashed" in flaw for flaw in vanish(command(bare), tmp_path)["flaws"])


def test_a_file_that_may_not_be_read_is_told_of() -> None:
    read = Command("read", lambda _: None, lambda folder: (folder / "file").read_text() and None,
                   lambda *_: [])  # fmt: skip
    try:
        found = forbid(command(whole), [read])
    except NoDiskError as error:
        pytest.skip(str(error))
    assert any("crashed: PermissionError" in flaw for flaw in found["flaws"])


def test_an_error_of_another_family_is_a_crash(tmp_path: Path) -> None:
    told = attempt(command(lambda path: path.unlink()), tmp_path / "missing")
    assert told.crash.startswith("FileNotFoundError")
