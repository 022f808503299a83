"""How a run ended: its outcome, and why it could not be done where it failed."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from landscope.runs.manifest import Manifest, manifest_of, read_manifest, write_manifest

OutcomeStatus = Literal["finished", "diverged", "failed", "interrupted", "unfinished"]

_FRAME = re.compile(r'^  File "([^"\n]*)", line (\d+), in (.+)$', re.MULTILINE)
_LONGEST = 100_000  # characters of a traceback, of which the last say most


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. A diverged run is a result; one that failed or was stopped is not yet.

    Args:
        status: ``"finished"`` after its last step, ``"diverged"`` where the training broke down,
            ``"failed"`` where an error ended the program, ``"interrupted"`` where Ctrl-C or an
            exit did, ``"unfinished"`` while there is no word of an end: it is still running, or
            the process was killed.
        step: The last step that was taken; of a failed or interrupted run the one that it was at;
            None where an unfinished run has no reading yet.
        seconds: What the run took, probes included; None where it did not end.
        reason: Of a failed or interrupted run the error in one line, with its place.
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
    """Why a run could not be done.

    Args:
        reason: In a line.
        place: File, line and function in which it was raised; None for a refusal, which says
            itself what to do.
        text: All that is known, such as a traceback.
        when: In ISO 8601.
        step: The step that it was at; None where that is not known.
        interrupted: Whether nothing was wrong and somebody, or the system, stopped it.
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


def failure_of(text: str) -> Failure:
    """The failure that a worker told of.

    Args:
        text: A refusal in a line, or a traceback as Python prints it.
    """
    lines = text.strip().splitlines() or ["it does not say why"]
    frames = _FRAME.findall(text) if lines[0].startswith("Traceback") else []
    place = None
    if frames:
        file, line, function = frames[-1]
        place = f"{Path(file).name}, line {line}, in {function}"
    reason = lines[-1] if frames else " ".join(lines)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Failure(reason, place, text[-_LONGEST:], now)


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
