"""A disk that refuses loses nothing that was written before, and the refusal says what to do."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from landscope.errors import RecordError, StorageError, UsageError
from landscope.runs import Journal, RunFolder, StudyFolder, read_run
from landscope.runs.disk import storing, whole_file

from .samples import FINISHED, make_run, reading, write

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space there"),
        (errno.EFBIG, "free some space there"),
        (errno.EACCES, "choose a folder that you may write to"),
        (errno.EROFS, "choose a folder that you may write to"),
        (errno.ENOENT, "check that its folder is still there"),
        (errno.EIO, "check the disk, or choose another folder"),
    ],
)
def test_each_refusal_to_write_has_its_remedy(number: int, remedy: str) -> None:
    reason = os.strerror(number)
    with pytest.raises(StorageError) as caught, storing(Path("place")):
        raise OSError(number, reason)
    assert str(caught.value).startswith(f"place: it cannot be written ({reason}); {remedy}")


def interrupt_after(temporary: Path, path: Path) -> None:
    temporary.write_bytes(b"half")
    assert path.read_bytes() == b"old"
    raise KeyboardInterrupt


def test_a_file_is_replaced_wholly_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
        interrupt_after(temporary, path)
    assert path.read_bytes() == b"old"
    with whole_file(path) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


SMALL_DISK = """
import resource, sys
from landscope.errors import StorageError
from landscope.reading import Reading
from landscope.runs import Journal, Outcome, RunFolder

def write(journal, step):
    journal.write(Reading(step, "training", "train_loss", step / 7))

folder = RunFolder(sys.argv[1])
with Journal.create(folder) as journal:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, unlimited[1]))
    written = 0
    try:
        while True:
            write(journal, written)
            written += 1
    except StorageError as error:
        print(error)
    size = folder.journal_path.stat().st_size
    whole = folder.journal_path.read_bytes().endswith(b"\\n")
    print(written, size, whole)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    write(journal, written)
    journal.finish(Outcome("finished", step=written, seconds=1.0))
"""


@posix
def test_after_a_full_disk_the_journal_is_whole_and_can_go_on(run_folder: RunFolder) -> None:
    told = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(run_folder.path)],
        capture_output=True,
        text=True,
        check=True,
    )
    message, state = told.stdout.splitlines()
    written, size, whole = state.split()
    assert "journal.jsonl: it cannot be written (File too large); free some space" in message
    assert int(written) > 5
    assert int(size) < 4000
    assert whole == "True"
    run = read_run(run_folder.path)
    assert [one.value for one in run.all_readings] == [s / 7 for s in range(int(written) + 1)]
    assert run.outcome.status == "finished"


class FailingFile:
    """A file of which a write puts down a part and then fails; so may taking it back."""

    def __init__(self, file: BinaryIO, *, truncates: bool) -> None:
        self._file = file
        self._truncates = truncates

    def write(self, data: memoryview) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data[: len(data) - 50])

    def truncate(self) -> int:
        if not self._truncates:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._file.truncate()

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def fail(journal: Journal, *, truncates: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "_file", FailingFile(journal._file, truncates=truncates))
        with pytest.raises(StorageError, match=r"No space left on device.*free some space"):
            journal.write(reading(1))


def test_a_part_of_a_line_is_taken_back(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as journal:
        journal.write(reading(0))
        before = run_folder.journal_path.read_bytes()
        fail(journal, truncates=True)
        assert run_folder.journal_path.read_bytes() == before
        journal.write(reading(2))
        journal.finish(FINISHED)
    assert [one.step for one in read_run(run_folder.path).all_readings] == [0, 2]


def test_nothing_is_put_after_a_torn_line(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as journal:
        journal.write(reading(0))
        fail(journal, truncates=False)
        rule = r"nothing can be added .* an earlier write failed and could not be taken back"
        with pytest.raises(UsageError, match=rule):
            journal.write(reading(2))
    run = read_run(run_folder.path)
    assert run.torn
    assert [one.step for one in run.all_readings] == [0]


@posix
def test_a_folder_that_vanishes_during_a_run_is_noticed(run_folder: RunFolder) -> None:
    with Journal.create(run_folder) as journal:
        journal.write(reading(0))
        shutil.rmtree(run_folder.path)
        with pytest.raises(StorageError, match=r"deleted during the run.*folder is still there"):
            journal.write(reading(1))


def test_a_run_without_its_folder_has_no_journal(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be written \(No such file or directory\)"):
        Journal.create(RunFolder(tmp_path / "gone"))


def refuse_to_sync(_: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_disk_that_fails_at_the_end_says_so_and_frees_the_lock(run_folder: RunFolder) -> None:
    journal = Journal.create(run_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse_to_sync)
        with pytest.raises(StorageError, match=r"cannot be written \(Input/output error\)"):
            journal.close()
    write(run_folder, [])


def test_the_error_of_the_run_is_told_before_that_of_the_disk(run_folder: RunFolder) -> None:
    journal = Journal.create(run_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse_to_sync)
        with pytest.raises(KeyboardInterrupt), journal:
            raise KeyboardInterrupt
    write(run_folder, [])


@pytest.fixture
def common_folder() -> Generator[Path, None, None]:
    """A folder that every user can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@contextmanager
def unprivileged() -> Generator[None, None, None]:
    """Takes off root's hat, where one is worn: root may read and write everything."""
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)


@posix
def test_a_read_only_folder_is_refused_and_left_as_it_is(common_folder: Path) -> None:
    common_folder.chmod(0o555)
    run = RunFolder(common_folder)
    rule = r"\(Permission denied\); choose a folder that you may write to"
    with unprivileged():
        with pytest.raises(StorageError, match=rule):
            StudyFolder(common_folder / "study").create()
        with pytest.raises(StorageError, match=rule):
            run.write_manifest({"format": 1, "id": run.id, "config": {}, "layers": []})
        with pytest.raises(StorageError, match=rule):
            Journal.create(run)
    assert list(common_folder.iterdir()) == []


@posix
def test_a_record_that_may_not_be_read_is_named(common_folder: Path) -> None:
    run = make_run(RunFolder(common_folder))
    run.manifest_path.chmod(0o000)
    common_folder.chmod(0o555)
    with (
        unprivileged(),
        pytest.raises(RecordError, match=r"run\.json: it cannot be read \(Permission denied\)"),
    ):
        read_run(common_folder)


def test_a_disk_that_cannot_lock_says_so(
    run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landscope.runs import lock

    def refuse(_: int) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_lock", refuse)
    with pytest.raises(StorageError, match=r"No locks available.*choose another folder"):
        Journal.create(run_folder)


def test_a_record_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"run\.json: there is no such file; check the path"):
        read_run(tmp_path)


def test_a_stale_temporary_file_does_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / ".run.json.0123abcd.tmp").write_bytes(b"{")
    make_run(RunFolder(tmp_path))
    assert read_run(tmp_path).layers == ["first", "second"]
