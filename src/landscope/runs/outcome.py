"""How a run ended: its outcome, and the reason if it failed."""

import traceback
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from pydantic import Field

from landscope.errors import printable
from landscope.runs.manifest import Manifest, manifest_of, read_manifest, write_manifest

OutcomeStatus = Literal["finished", "diverged", "failed", "interrupted", "unfinished"]

_LONGEST = 500  # characters kept of an error
_LONGEST_TEXT = 100_000  # characters kept of a traceback, from its end


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. A diverged run is a result; one that failed or was stopped is not yet.

    Args:
        status: ``"finished"`` after its last step, ``"diverged"`` if the training broke down,
            ``"failed"`` if an error ended the program, ``"interrupted"`` if Ctrl-C or an exit did,
            ``"unfinished"`` while no end is recorded: it is still running, or the process was
            killed.
        step: The last step; of a failed or interrupted run the step that it had reached; None if an
            unfinished run has no reading yet.
        seconds: Seconds that the run took, probes included; None if it did not end.
        reason: For a failed or interrupted run, the error on one line, with its place.
    """

    status: OutcomeStatus
    step: int | None = None
    seconds: float | None = None
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.status in ("finished", "diverged")

    def __str__(self) -> str:
        at = "" if self.step is None else f" at step {self.step}"
        return f"{self.status}{at}{f' ({self.reason})' if self.reason else ''}"


UNFINISHED = Outcome("unfinished")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed.

    Args:
        reason: In a line.
        place: File, line and function that raised it; None for a refusal, which contains its own
            remedy.
        text: All that is known, such as a traceback.
        when: In ISO 8601.
        step: The step that it was at; None where that is not known.
        interrupted: Whether a user or the system stopped it without an error.
    """

    reason: str
    place: str | None
    text: str
    when: str
    step: int | None = None
    interrupted: bool = False


class _FailureManifest(Manifest):
    reason: str
    place: str | None = None
    text: str
    when: str
    step: int | None = Field(default=None, ge=0, lt=2**53)
    interrupted: bool = False


def failure_of(error: BaseException, step: int | None = None) -> Failure:
    """The failure of a run that an error ended: its type and text on one line, and its place.

    Args:
        error: The error; it is not stored, because it would keep the whole training alive.
        step: The step that the run was at.
    """
    try:
        words = " ".join(str(error).split())
    except Exception:  # the error may be of any type
        words = ""
    name = type(error).__name__
    reason = printable(f"{name}: {words}" if words else name)
    if len(reason) > _LONGEST:
        reason = f"{reason[:_LONGEST]}..."
    stopped = not isinstance(error, Exception)
    return Failure(reason, _place(error.__traceback__), reason, _now(), step, stopped)


def raised(error: Exception) -> Failure:
    """The same with the whole traceback, as Python prints it."""
    text = "".join(traceback.format_exception(error))
    return replace(failure_of(error), text=text[-_LONGEST_TEXT:])


def refused(text: str) -> Failure:
    """The failure of a run that one sentence describes: a refusal, or how its process ended."""
    return Failure(" ".join(text.split()), None, text[-_LONGEST_TEXT:], _now())


def _place(traceback: TracebackType | None) -> str | None:
    """File, line and function in which the error was raised."""
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return printable(
        f"{Path(code.co_filename).name}, line {traceback.tb_lineno}, in {code.co_name}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_failure(path: Path, failure: Failure) -> None:
    """Replaces the failure at ``path``, wholly or not at all.

    Raises:
        StorageError: The folder cannot be written.
    """
    write_manifest(path, manifest_of(_FailureManifest, {"format": 1, **asdict(failure)}, path.name))


def read_failure(path: Path) -> Failure:
    """The failure at ``path``.

    Raises:
        RecordError: It is missing or damaged.
    """
    given = read_manifest(path, _FailureManifest)
    return Failure(given.reason, given.place, given.text, given.when, given.step, given.interrupted)
