"""A symptom: what to look for in the readings, from when on it counts, and who explains it."""

from collections.abc import Callable
from dataclasses import dataclass

from landscope.findings.finding import Case, Finding, Severity
from landscope.findings.history import History


@dataclass(frozen=True, slots=True)
class Symptom:
    """One row of the table.

    Args:
        id: As in ``Finding``.
        severities: Those that it can have, the worst first.
        when: From when on it counts, with its thresholds, in words.
        reference: As in ``Finding``.
        look: Looks for it; None where it is not there.
    """

    id: str
    severities: tuple[Severity, ...]
    when: str
    reference: str
    look: Callable[[History], Case | None]

    def find(self, history: History) -> Finding | None:
        """The finding that a training has of this; None where it has none."""
        case = self.look(history)
        if case is None:
            return None
        return Finding(
            self.id, case.severity, case.sentence, case.evidence, self.reference, case.remedy
        )
