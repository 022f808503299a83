"""The failure of a run: why it could not be done, and where in the code that was."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from landscope.runs.manifest import Manifest, read_manifest, write_manifest

_FRAME = re.compile(r'^  File "([^"\n]*)", line (\d+), in (.+)$', re.MULTILINE)
_LONGEST = 100_000  # characters of a traceback, of which the last say most


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
    write_manifest(path, _FailureManifest, {"format": 1, **asdict(failure)})


def read_failure(path: Path) -> Failure:
    """The failure at ``path``.

    Raises:
        RecordError: It is missing or damaged.
    """
    given = _FailureManifest.model_validate(read_manifest(path, _FailureManifest))
    return Failure(given.reason, given.place, given.text, given.when, given.step, given.interrupted)
