"""A row: one thing that is done to landscope, what came of it, and the bars that it is held to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torture.bars import Most


@dataclass(frozen=True)
class Form:
    """How a row is run.

    Args:
        scratch: An empty folder of the row's own; it is deleted afterwards.
        short: The shortened form: seconds in all, for tests.
        seconds: What a row takes that runs for a given time.
        seed: Of whatever is drawn.
    """

    scratch: Path
    short: bool = False
    seconds: float = 600.0
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """What came of a row.

    Args:
        rows: The lines of its table, each by the heads of the columns; the same heads in each.
        bars: What it is held to.
        failures: What went wrong, in enough words to see it again; the first few are enough.
    """

    rows: Sequence[Mapping[str, str | int | float]]
    bars: Sequence[Most]
    failures: Sequence[Mapping[str, object]] = field(default=())

    @property
    def met(self) -> bool:
        """Whether every bar is; a row without any bar shows nothing."""
        return bool(self.bars) and all(bar.met for bar in self.bars)


class NotRunError(Exception):
    """A row cannot be run here: it says what is missing. Its last results stay as they are."""


Run = Callable[[Form], Found]
