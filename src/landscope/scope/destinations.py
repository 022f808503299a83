"""Where a scope's readings go: a run's folder, another tool's log, or several of these."""

import os
import time
from typing import Any

from landscope.errors import StorageError, UsageError
from landscope.reading import Reading, Writer
from landscope.runs.folder import RunFolder
from landscope.runs.journal import Journal
from landscope.runs.outcome import Failure, Outcome
from landscope.scope.warn import warn

_TRIES = 3  # consecutive readings that a writer may refuse

Destination = str | os.PathLike[str] | Writer


class RunWriter:
    """A run's folder: a manifest, and a journal whose last line says that it is complete.

    Args:
        path: The folder, whose name is the run's id.
        manifest: The fields of a run's manifest, apart from its id.
        first_step: Number of the next update. If the training has made updates before, their
            readings stay, and new readings follow them.

    Raises:
        LandscopeError: The folder holds something else or a run that has ended, or it cannot be
            written.
    """

    def __init__(
        self, path: str | os.PathLike[str], manifest: dict[str, Any], first_step: int = 0
    ) -> None:
        self._folder = folder = RunFolder(path)
        folder.create()
        if first_step > 0 and os.path.lexists(folder.journal_path):
            self._journal = Journal.go_on(folder, first_step)
        else:
            folder.write_manifest({"format": 1, "id": folder.id, **manifest})
            self._journal = Journal.create(folder)
        folder.forget_failure()  # of a run that was started here before
        self._started = time.perf_counter()
        self._step: int | None = None

    def write(self, reading: Reading) -> None:
        """Append one reading."""
        self._journal.write(reading)
        self._step = reading.step

    def close(self) -> None:
        """Record that the run has ended. A run without readings is left open."""
        self.end(self._step, None)

    def end(self, step: int | None, failure: Failure | None) -> None:
        """Record how the run ended.

        Args:
            step: The last step; None leaves the run open.
            failure: What ended it early; None if nothing did. Such a run may be started again or
                resumed.
        """
        if failure is not None:
            try:
                self._folder.note_failure(failure)
            finally:
                self._journal.close()
        elif step is None:
            self._journal.close()
        else:
            seconds = time.perf_counter() - self._started
            self._journal.finish(Outcome("finished", step, seconds))


class Destinations:
    """Several writers as one; if one fails, the others go on.

    They belong to the process that opened them: a forked process writes and closes nothing.

    Args:
        to: A folder, a writer, a list of these, or None.
        manifest: For a folder: the fields that describe the run.
        live: Whether to show the readings in the terminal as well.
        first_step: For a folder: number of the next update.

    Raises:
        UsageError: It is none of these.
        LandscopeError: A folder cannot be used.
    """

    def __init__(
        self, to: Any, manifest: dict[str, Any], *, live: bool = False, first_step: int = 0
    ) -> None:
        several = to if isinstance(to, (list, tuple)) else [] if to is None else [to]
        self._writers: list[Writer] = []
        self._refused: dict[int, int] = {}  # readings in a row, by the writer's id
        self._warned: set[int] = set()
        self._process = os.getpid()
        try:
            for each in several:
                self._writers.append(_opened(each, manifest, first_step))
            if live:
                # Imported only when asked for.
                from landscope.terminal.live_table import LiveTable

                self._writers.append(LiveTable())
        except BaseException:
            self.close()
            raise

    def write(self, reading: Reading) -> None:
        """Give every writer the reading.

        A writer that refuses several readings in a row, or whose folder or connection fails, gets
        no more. If it refuses only this reading, this reading is left out.
        """
        if os.getpid() != self._process:
            return
        for writer in list(self._writers):
            try:
                writer.write(reading)
                self._refused.pop(id(writer), None)
            except Exception as error:
                refused = self._refused[id(writer)] = self._refused.get(id(writer), 0) + 1
                if refused == _TRIES or isinstance(error, (StorageError, OSError)):
                    self._drop(writer, error)
                elif id(writer) not in self._warned:
                    self._warned.add(id(writer))
                    warn(
                        f"{type(writer).__name__} does not take {reading.key} at step "
                        f"{reading.step}, which is left out ({type(error).__name__}: {error}); "
                        "the training goes on"
                    )

    def close(self, step: int | None = None, failure: Failure | None = None) -> None:
        """Close every writer, once; a folder records how the training ended.

        Args:
            step: As for :meth:`RunWriter.end`.
            failure: As for :meth:`RunWriter.end`.
        """
        if os.getpid() != self._process:
            return  # forked: files, connections and terminals belong to the parent process
        for writer in list(self._writers):
            try:
                writer.end(step, failure) if isinstance(writer, RunWriter) else writer.close()
            except Exception as error:
                self._drop(writer, error)
        self._writers.clear()

    def _drop(self, writer: Writer, error: Exception) -> None:
        self._writers.remove(writer)
        warn(
            f"{type(writer).__name__} failed and gets no more readings "
            f"({type(error).__name__}: {error}); the training goes on"
        )


def _opened(to: Any, manifest: dict[str, Any], first_step: int) -> Writer:
    if isinstance(to, (str, os.PathLike)):
        return RunWriter(to, manifest, first_step)
    if not isinstance(to, Writer):
        raise UsageError(
            f"to = {to!r}",
            "readings go to a folder, or to a writer, which has write(reading) and close()",
            "give the path of a new folder, a writer, or a list of these",
        )
    return to
