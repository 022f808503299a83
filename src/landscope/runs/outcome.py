"""The outcome of a run: how it ended, where, and how long it took."""

from dataclasses import dataclass
from typing import Literal

OutcomeStatus = Literal["finished", "diverged", "failed", "interrupted", "unfinished"]


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
