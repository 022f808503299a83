"""A reading: one measured value with its unit, its layer, its status and its provenance."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Status(StrEnum):
    """How far a value can be believed.

    A fallback is right, but took a slower way than the one meant; its ``function`` says why. What
    is unresolved lies below its own rounding or sampling noise: as a variance that is estimated
    below 0, or what a step does of which the type of the weights keeps too little.
    """

    OK = "ok"
    FALLBACK = "fallback"
    NONFINITE = "nonfinite"
    UNCONVERGED = "unconverged"
    UNRESOLVED = "unresolved"
    SKIPPED = "skipped"


TRUSTED = (Status.OK, Status.FALLBACK)
"""What can be believed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The coordinates of a reading that is a list: ``len(values)`` equals that of the value.

    A histogram is the exception: its axis holds the edges, one more than there are bins.
    """

    name: str
    unit: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a probe measured at one step.

    Args:
        step: The step, counted from 0, the initial weights.
        probe: Id of the probe, with its settings where two of a kind run side by side.
        quantity: Name of what was measured, in the field's words.
        value: One number, or one for each coordinate of ``axis``.
        unit: Unit of the value; ``"1"`` for a pure number.
        layer: Name of the layer's weight-bearing module; None for the whole network.
        axis: Coordinates, where the value is a list.
        status: Whether the value can be believed.
        function: Which function was measured: mode, batch, and loss with or without penalty.
        seconds: What the probe took at this step; shared by all readings that it gave there.
    """

    step: int
    probe: str
    quantity: str
    value: float | tuple[float, ...]
    unit: str = "1"
    layer: str | None = None
    axis: Axis | None = None
    status: Status = Status.OK
    function: str = ""
    seconds: float = 0.0

    @property
    def is_timed(self) -> bool:
        """Whether a clock measured it, so that it is never twice the same."""
        return self.unit == "s" or (self.probe == "scope" and self.quantity == "share")

    @property
    def key(self) -> str:
        """Probe, quantity and layer with slashes between them, as other tools name a series."""
        return "/".join(filter(None, (self.probe, self.quantity, self.layer)))


@runtime_checkable
class Writer(Protocol):
    """Where readings go as they are made: a journal, or another tool's log."""

    def write(self, reading: Reading, /) -> None:
        """Take one reading."""
        ...

    def close(self) -> None:
        """Take no more: whatever is held back is written."""
        ...
