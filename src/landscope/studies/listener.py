"""What is said of a study while it runs, and who hears it: a terminal, a test, or nobody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from landscope.cost import ProbeCost
from landscope.studies.kind import RunConfig


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, as a value that travels from a worker to whoever shows it.

    Args:
        run: Id of the run.
        phase: What it is doing, in a word or two.
        step: Steps done.
        steps: Steps in all.
    """

    run: str
    phase: str
    step: int
    steps: int


Report = Callable[[Progress], None]


class Listener:
    """Hears how a study goes. This one does not listen."""

    def begin(self, title: str, out: Path, runs: Sequence[RunConfig], done: list[str]) -> None:
        """Before the first run.

        Args:
            title: What is asked for, in a few words.
            out: Folder of the study.
            runs: All of its runs.
            done: Ids of those that had ended before.
        """

    def costs(self, costs: Mapping[str, list[ProbeCost]]) -> None:
        """Before the first run: what its probes will cost, for each kind of network."""

    def progress(self, progress: Progress) -> None:
        """A few times a second, for each run at work."""

    def phase(self, name: str) -> None:
        """When something other than runs begins."""

    def failed(self, run: str, reason: str) -> None:
        """When a run could not be done."""
