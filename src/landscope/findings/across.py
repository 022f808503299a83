"""The findings of several trainings: each told once, by the run that shows it most clearly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from landscope.findings.finding import SEVERITIES, Finding, Severity
from landscope.findings.table import SYMPTOMS, find
from landscope.reading import Reading

_PLACES = {symptom.id: place for place, symptom in enumerate(SYMPTOMS)}


@dataclass(frozen=True, slots=True)
class Across:
    """One finding over the runs of a study.

    Args:
        finding: Of the run that shows it most clearly: the most severe, of these the one with the
            most looks or layers for it, of these the first.
        run: That run's id.
        others: The other runs that show it, each with how severe it is there.
        of: How many runs were looked at.
    """

    finding: Finding
    run: str
    others: tuple[tuple[str, Severity], ...]
    of: int

    @property
    def count(self) -> int:
        """How many runs show it."""
        return 1 + len(self.others)


def across(runs: Mapping[str, Iterable[Reading]]) -> list[Across]:
    """What the runs of a study show, the most severe first.

    Args:
        runs: The readings of each, by its id.

    Returns:
        One of each id that any run has.
    """
    showing: dict[str, list[tuple[str, Finding]]] = {}
    for run, readings in runs.items():
        for finding in find(readings):
            showing.setdefault(finding.id, []).append((run, finding))
    found = [_clearest(shown, len(runs)) for shown in showing.values()]
    return sorted(found, key=lambda one: (_rank(one.finding), _PLACES[one.finding.id]))


def _clearest(shown: list[tuple[str, Finding]], of: int) -> Across:
    run, finding = min(shown, key=lambda pair: (_rank(pair[1]), -len(pair[1].evidence.steps)))
    others: list[tuple[str, Severity]] = [
        (other, also.severity) for other, also in shown if other != run
    ]
    return Across(finding, run, tuple(others), of)


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)
