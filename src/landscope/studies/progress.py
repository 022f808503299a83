"""Progress of a run, as values that travel from a worker to whoever shows them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

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
