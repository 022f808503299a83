"""A reading: one measured value with its unit, its layer, its status and its provenance."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Literal, Protocol, runtime_checkable


class Status(StrEnum):
    """How far a value can be trusted.

    A fallback is right, but was computed in a slower way than intended; its ``function`` says why.
    An unresolved value lies below its own rounding or sampling noise, such as a variance that is
    estimated below 0, or the effect of a step that the type of the weights cannot represent.
    """

    OK = "ok"
    FALLBACK = "fallback"
    NONFINITE = "nonfinite"
    UNCONVERGED = "unconverged"
    UNRESOLVED = "unresolved"
    SKIPPED = "skipped"


Mode = Literal["training", "evaluation"]
Loss = Literal["with penalty", "without penalty"]
NormMode = Literal["batch", "frozen", "running"]
"""Of the batch, as in training; of its statistics held still; of the running statistics."""

OWN_BATCH = "the step's own batch"

_NORMS: dict[NormMode, str] = {
    "batch": "",
    "frozen": "batch norms with this batch's statistics held still",
    "running": "batch norms with their running statistics",
}
_LOSSES: dict[str, Loss] = {"with penalty": "with penalty", "without penalty": "without penalty"}
_SENTENCE = re.compile(
    r"(?P<mode>training|evaluation) mode"
    r"(?:, (?:batch (?P<index>[0-9]{1,18}) of epoch (?P<epoch>[0-9]{1,18})"
    r"|(?P<batch>(?![0-9]+ samples|noise |batch norms |loss |under |averaged )[^,;]+?)))?"
    r"(?: in process (?P<rank>[0-9]{1,18}) of (?P<ranks>[0-9]{1,18}))?"
    r"(?:, (?P<samples>[0-9]{1,18}) samples)?"
    r"(?:, noise drawn anew because (?P<noise>[^,;]+))?"
    rf"(?:, (?P<norms>{'|'.join(filter(None, _NORMS.values()))}))?"
    r"(?:, loss (?:(?P<loss>with(?:out)? penalty)"
    r"|with L2 penalty (?P<l2>[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?)))?"
    r"(?:, under (?P<autocast>\w+(?: and \w+)*) autocast)?"
    r"(?P<averaged>, averaged over the looks so far)?"
    r"(?:; (?P<note>.*))?",
    re.DOTALL,
)


TRUSTED = (Status.OK, Status.FALLBACK)
"""What can be believed."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which function was measured, or a note that says why none was.

    Records, tables and other tools hold its text; ``parse`` reads it back.

    Args:
        mode: Mode of the network; None where none took part.
        batch: The samples, in words without a comma; empty where ``place`` says them.
        place: Number of the batch in its epoch, and of the epoch, counted as the training does.
        rank: Number of this process, and of how many.
        samples: How many samples there were.
        noise: Why noise is drawn anew; empty where it is that of the training's own pass.
        norm_mode: The function as which batch norms were measured.
        loss: Whether the loss had a penalty; None where no loss was taken.
        l2_penalty: Strength of an L2 penalty, to six digits.
        autocast: Types under which the pass ran; none in full precision.
        averaged: Whether it is an average over the measurements so far.
        note: What else there is to say, such as why there is no value.
    """

    mode: Mode | None = None
    batch: str = ""
    place: tuple[int, int] | None = None
    rank: tuple[int, int] | None = None
    samples: int | None = None
    noise: str = ""
    norm_mode: NormMode = "batch"
    loss: Loss | None = None
    l2_penalty: float | None = None
    autocast: tuple[str, ...] = ()
    averaged: bool = False
    note: str = ""

    @staticmethod
    @lru_cache(maxsize=4096)  # a run has few, in very many readings
    def parse(text: str) -> "Provenance":
        """The provenance with this text; where it is no sentence of this form, it is a note."""
        found = _SENTENCE.fullmatch(text)
        given = _parsed(found) if found else Provenance(note=text)
        return given if str(given) == text else Provenance(note=text)

    def __str__(self) -> str:
        if self.mode is None:
            return self.note
        batch = self.batch if self.place is None else "batch {} of epoch {}".format(*self.place)
        if self.rank is not None:
            batch += " in process {} of {}".format(*self.rank)
        parts = [
            f"{self.mode} mode",
            batch,
            "" if self.samples is None else f"{self.samples} samples",
            self.noise and f"noise drawn anew because {self.noise}",
            _NORMS[self.norm_mode],
            self._loss,
            f"under {' and '.join(self.autocast)} autocast" if self.autocast else "",
            "averaged over the looks so far" if self.averaged else "",
        ]
        said = ", ".join(filter(None, parts))
        return f"{said}; {self.note}" if self.note else said

    def noting(self, note: str) -> "Provenance":
        """The same with something more to say."""
        return replace(self, note=f"{self.note}; {note}" if self.note else note)

    @property
    def at_any_step(self) -> "Provenance":
        """The same with the batch that each step has of its own, and not that of one step."""
        return self if self.place is None else replace(self, place=None, batch=OWN_BATCH)

    @property
    def _loss(self) -> str:
        if self.l2_penalty is not None:
            return f"loss with L2 penalty {self.l2_penalty:g}"
        return f"loss {self.loss}" if self.loss else ""


def _parsed(found: re.Match[str]) -> Provenance:
    said = found.groupdict()
    norms: dict[str, NormMode] = {text: mode for mode, text in _NORMS.items()}
    return Provenance(
        mode="training" if said["mode"] == "training" else "evaluation",
        batch=said["batch"] or "",
        place=_pair(said["index"], said["epoch"]),
        rank=_pair(said["rank"], said["ranks"]),
        samples=int(said["samples"]) if said["samples"] else None,
        noise=said["noise"] or "",
        norm_mode=norms[said["norms"] or ""],
        loss="with penalty" if said["l2"] else _LOSSES.get(said["loss"] or ""),
        l2_penalty=float(said["l2"]) if said["l2"] else None,
        autocast=tuple(said["autocast"].split(" and ")) if said["autocast"] else (),
        averaged=said["averaged"] is not None,
        note=said["note"] or "",
    )


def _pair(first: str | None, second: str | None) -> tuple[int, int] | None:
    return (int(first), int(second)) if first and second else None


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
        status: Whether the value can be trusted.
        function: Which function was measured; a text is parsed.
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
    function: Provenance = Provenance()
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.function, str):  # of a probe that says it in its own words
            object.__setattr__(self, "function", Provenance.parse(self.function))

    @property
    def is_timed(self) -> bool:
        """Whether a clock measured it, so that it differs from run to run."""
        return self.unit == "s" or (self.probe == "scope" and self.quantity == "share")

    @property
    def key(self) -> str:
        """Probe, quantity and layer with slashes between them, as other tools name a series."""
        return "/".join(filter(None, (self.probe, self.quantity, self.layer)))


@runtime_checkable
class Writer(Protocol):
    """Receives readings as they are made: a journal, or another tool's log."""

    def write(self, reading: Reading, /) -> None:
        """Write one reading."""
        ...

    def close(self) -> None:
        """Write whatever is held back, and take no more readings."""
        ...
