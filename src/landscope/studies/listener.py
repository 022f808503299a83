"""Who is told how a study goes: a terminal, a test, or nobody."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from landscope.cost import ProbeCost
from landscope.studies.progress import Progress


@runtime_checkable
class Ordered(Protocol):
    """What is asked for, as far as a listener must know it."""

    @property
    def out(self) -> Path:
        """Folder of the study."""
        ...

    def tell(self, runs: int) -> str:
        """What is asked for, in a few words with the number of its runs."""
        ...


@runtime_checkable
class Planned(Protocol):
    """A run that is part of a study."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def steps(self) -> int:
        """Its length."""
        ...

    @property
    def digest(self) -> str:
        """Of its configuration."""
        ...


class Listener:
    """Is told how the study goes. This one does not listen."""

    def begin(self, order: Ordered, runs: Sequence[Planned], done: list[str]) -> None:
        """Before the first run; ``done`` are those that had ended before."""

    def costs(self, costs: Mapping[str, list[ProbeCost]]) -> None:
        """Before the first run: what its probes will cost, for each kind of network."""

    def progress(self, progress: Progress) -> None:
        """A few times a second, for each run at work."""

    def phase(self, name: str) -> None:
        """When something other than runs begins."""

    def failed(self, run: str, reason: str) -> None:
        """When a run could not be done."""
