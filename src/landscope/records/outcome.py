"""The outcome of a run: how it ended, where, and how long it took."""

from dataclasses import dataclass
from typing import Literal

OutcomeStatus = Literal["finished", "diverged", "unfinished"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. A diverged run is a result; an unfinished one is not yet.

    Args:
        status: ``"finished"`` after its last step, ``"diverged"`` where the training broke down,
            ``"unfinished"`` while it has neither, because it is still running or was interrupted.
        step: The last step that was taken; None where an unfinished run has no reading yet.
        seconds: What the run took, probes included; None while it is unfinished.
    """

    status: OutcomeStatus
    step: int | None = None
    seconds: float | None = None

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.status != "unfinished"


UNFINISHED = Outcome("unfinished")
