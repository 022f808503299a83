"""Where a scope's readings go: a run's folder, another tool's log, or several of these."""

import os
import time
import warnings
from collections.abc import Callable
from typing import Any

from landscope.errors import UsageError
from landscope.reading import Reading, Writer
from landscope.records.folder import RunFolder
from landscope.records.journal import Journal
from landscope.records.outcome import Outcome

Destination = str | os.PathLike[str] | Writer


class RunWriter:
    """A run's folder: a manifest, and a journal that says at its end that all of it is there.

    Args:
        path: The folder, whose name is the run's id.
        manifest: The fields of a run's manifest, apart from its id.
        first_step: The first update that is still to come. Where the training has some behind it,
            the readings of those stay, and what is read from here on follows them.

    Raises:
        LandscopeError: Something else is in the folder, or a run that has ended; or it cannot be
            written.
    """

    def __init__(
        self, path: str | os.PathLike[str], manifest: dict[str, Any], first_step: int = 0
    ) -> None:
        folder = RunFolder(path)
        folder.create()
        if first_step > 0 and os.path.lexists(folder.journal_path):
            self._journal = Journal.go_on(folder, first_step)
        else:
            folder.write_manifest({"format": 1, "id": folder.id, **manifest})
            self._journal = Journal.create(folder)
        self._started = time.perf_counter()
        self._step: int | None = None

    def write(self, reading: Reading) -> None:
        """Append one reading."""
        self._journal.write(reading)
        self._step = reading.step

    def close(self) -> None:
        """Say that the run has ended. A run that read nothing has not been."""
        if self._step is None:
            self._journal.close()
        else:
            seconds = time.perf_counter() - self._started
            self._journal.finish(Outcome("finished", self._step, seconds))


class Destinations:
    """Several writers as one, each of which may fail without taking the others along.

    Args:
        to: A folder, a writer, a list of these, or None.
        manifest: For a folder: what it says of the run.
        live: Whether they are shown in the terminal as well.
        first_step: For a folder: the first update that is still to come.

    Raises:
        UsageError: It is none of these.
        LandscopeError: A folder cannot be used.
    """

    def __init__(
        self, to: Any, manifest: dict[str, Any], *, live: bool = False, first_step: int = 0
    ) -> None:
        several = to if isinstance(to, (list, tuple)) else [] if to is None else [to]
        self._writers: list[Writer] = []
        try:
            for each in several:
                self._writers.append(_opened(each, manifest, first_step))
            if live:
                # Whoever does not ask for it does not load what draws it.
                from landscope.terminal.live_table import LiveTable

                self._writers.append(LiveTable())
        except BaseException:
            self.close()
            raise

    def write(self, reading: Reading) -> None:
        """Give every writer the reading; one that fails is left out from then on."""
        self._each(lambda writer: writer.write(reading))

    def close(self) -> None:
        """Close every writer, once."""
        self._each(lambda writer: writer.close())
        self._writers.clear()

    def _each(self, do: Callable[[Writer], None]) -> None:
        for writer in list(self._writers):
            try:
                do(writer)
            except Exception as error:
                self._writers.remove(writer)
                warnings.warn(
                    f"landscope: {type(writer).__name__} failed and gets no more readings "
                    f"({type(error).__name__}: {error}); the training goes on",
                    stacklevel=2,
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
