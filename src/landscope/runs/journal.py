"""The journal of a run: readings as JSON lines, appended one by one by a single writer."""

import errno
import os
import shutil
import time
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, final

from landscope.errors import StorageError, UsageError
from landscope.reading import Reading
from landscope.runs.body import ShapeError, outcome_to_json, reading_to_json
from landscope.runs.disk import storing, sync_folder, whole_file
from landscope.runs.folder import RunFolder
from landscope.runs.line import MAX_BYTES, LineKind, Mark, encode
from landscope.runs.lock import Lock
from landscope.runs.outcome import Outcome
from landscope.runs.replay import check_start, end_before

SYNC_SECONDS = 5.0
"""The most that a power cut takes; a crash of the program takes the line being written."""


@final
class Journal:
    """Writes one run's readings; made by ``Journal.create``, used as a context manager.

    Each line is handed to the system as it is written, and the file is synced every few seconds
    and at the end. A write that fails is taken back, so that what lies on the disk stays whole.
    """

    def __init__(self, file: BinaryIO, folder: RunFolder, lock: Lock, end: Mark) -> None:
        self._file = file
        self._path = folder.journal_path
        self._lock = lock
        self._end = end  # of the last line; one value, so that no interrupt parts what it says
        self._synced = time.monotonic()
        self._closed_because: str | None = None
        self._process = os.getpid()

    @staticmethod
    def create(folder: RunFolder, *, at: Mark | None = None, lock: Lock | None = None) -> "Journal":
        """Starts a run's journal, or goes on with one.

        Args:
            folder: A run's folder that exists.
            at: Where to go on: what stands behind it is cut off. None for a new journal; what an
                unfinished run wrote before is then moved aside, to one file that the next start
                replaces.
            lock: The run's, where it is held already; the journal releases it at its end.

        Raises:
            RecordError: The run has ended, and its journal is never overwritten; or what stands
                before ``at`` is not whole.
            StorageError: The folder cannot be written, or another process writes this run.
        """
        lock = lock or Lock(folder.lock_path)
        try:
            folder.check_not_ended(folder.journal_path)
            begin = Mark(0, 0, folder.checksum)
            if at is None:
                return Journal(_start(folder), folder, lock, begin)
            check_start(folder.journal_path, begin, at)
            return Journal(_go_on(folder, at), folder, lock, at)
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def go_on(folder: RunFolder, step: int) -> "Journal":
        """Goes on with a journal where a training does, even where it was closed for good.

        Args:
            folder: A run's folder with a journal.
            step: The first step that is still to come. The readings of this step and later ones,
                of a training that has gone back since, are kept aside as in ``create``.

        Raises:
            RecordError: A line before that step is damaged.
            StorageError: The folder cannot be written, or another process writes this run.
        """
        lock = Lock(folder.lock_path)
        try:
            mark = end_before(folder.journal_path, Mark(0, 0, folder.checksum), step)
            _keep_aside(folder)
            return Journal(_go_on(folder, mark), folder, lock, mark)
        except BaseException:
            lock.release()
            raise

    def mark(self) -> Mark:
        """Where the journal ends; all before it is on the disk.

        Raises:
            StorageError: The disk refuses.
        """
        self._sync()
        return self._end

    def write(self, reading: Reading) -> None:
        """Appends a reading.

        Raises:
            UsageError: The journal is closed, or the reading could not be read back.
            StorageError: The disk refuses; the lines before are whole.
        """
        try:
            body = reading_to_json(reading)
        except ShapeError as error:
            raise UsageError(
                f"reading of {reading.quantity!r} by {reading.probe!r} at step {reading.step!r}",
                f"it cannot be recorded: {error}",
                "fix the probe that gave it",
            ) from error
        self._append("reading", body)
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._sync()

    def finish(self, outcome: Outcome) -> None:
        """Appends the outcome and closes the journal for good.

        Raises:
            UsageError: The journal is closed, or the outcome is none of a run that has ended.
            StorageError: The disk refuses; the lines before are whole.
        """
        try:
            body = outcome_to_json(outcome)
        except ShapeError as error:
            raise UsageError(
                repr(outcome), str(error), "finish with a status, the last step and the seconds"
            ) from error
        self._sync()  # the readings are on the disk before the line that says they are all there
        self._append("finish", body)
        self.close()

    def close(self) -> None:
        """Syncs the file and lets the next writer in; a second call does nothing.

        Raises:
            StorageError: The disk refuses.
        """
        if self._file.closed:
            return
        try:
            if os.getpid() == self._process:
                self._sync()
        finally:
            self._closed_because = "it is closed"
            self._file.close()
            self._lock.release()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        with suppress(StorageError):  # the first error is the one to tell
            self.close()

    def _append(self, kind: LineKind, body: dict[str, object]) -> None:
        if os.getpid() != self._process:
            # Both would write at one place of one file, each knowing of its own lines alone.
            raise UsageError(
                str(self._path),
                f"process {self._process} writes this journal, and this one was forked from it",
                "open a journal of its own in each process",
            )
        if self._closed_because is not None:
            raise UsageError(
                str(self._path),
                f"nothing can be added to this journal: {self._closed_because}",
                "write before the run ends, with one journal for each run",
            )
        end = self._end
        line = encode(end.lines + 1, kind, body, end.checksum)
        if len(line) > MAX_BYTES:
            raise UsageError(
                f"a {kind} of {len(line)} bytes",
                f"a line of the journal has at most {MAX_BYTES} bytes",
                "give fewer values in one reading",
            )
        try:
            with storing(self._path):
                _write_all(self._file, line)
            self._end = end.after(line)
        except BaseException:
            self._cut_back()
            raise

    def _cut_back(self) -> None:
        """Takes back a part of a line, so that no whole line ever follows a torn one."""
        try:
            self._file.seek(self._end.size)
            self._file.truncate()
        except OSError:
            self._closed_because = "an earlier write failed and could not be taken back"

    def _sync(self) -> None:
        if self._file.closed:
            return
        with storing(self._path):
            os.fsync(self._file.fileno())
        self._synced = time.monotonic()


def _start(folder: RunFolder) -> BinaryIO:
    """Opens a new, empty journal; an older one is moved aside, and back where that fails."""
    path, aside = folder.journal_path, folder.unfinished_journal_path
    with storing(path):
        moved = path.exists()
        if moved:
            path.replace(aside)
        try:
            # Unbuffered: nothing is left behind in memory, to be written after a refusal.
            file = open(path, "xb", buffering=0)  # noqa: PTH123, SIM115
        except BaseException:
            if moved:
                with suppress(OSError):
                    aside.replace(path)
            raise
        sync_folder(path.parent)
    return file


def _keep_aside(folder: RunFolder) -> None:
    """Copies a journal to where one is kept that is about to be replaced."""
    with whole_file(folder.unfinished_journal_path) as temporary:
        shutil.copyfile(folder.journal_path, temporary)


def _go_on(folder: RunFolder, mark: Mark) -> BinaryIO:
    """Opens a journal whose start is whole, and cuts off what stands behind it."""
    path = folder.journal_path
    with storing(path):
        file = open(path, "r+b", buffering=0)  # noqa: PTH123, SIM115
        try:
            file.truncate(mark.size)
            file.seek(mark.size)
            os.fsync(file.fileno())
        except BaseException:
            file.close()
            raise
    return file


def _write_all(file: BinaryIO, line: bytes) -> None:
    """Writes to an unbuffered file, which may take a part only.

    Raises:
        OSError: The disk refuses, or the file is no longer in any folder.
    """
    if os.fstat(file.fileno()).st_nlink == 0:
        raise FileNotFoundError(errno.ENOENT, "the file was deleted during the run")
    left = memoryview(line)
    while left:
        left = left[file.write(left) :]
