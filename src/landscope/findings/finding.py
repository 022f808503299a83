"""A finding: one thing that a training's readings show, what it rests on, and what helps."""

from dataclasses import dataclass
from typing import Any, Literal

from landscope.findings.history import Series
from landscope.findings.phrase import counted, listed, number

Severity = Literal["serious", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "info")
"""The worst first."""

_NAMED = 3  # layers; more than that nobody reads


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finding rests on.

    Args:
        quantity: Probe and quantity with a slash between them; with "over" for a quotient.
        steps: Where it was read. With layers: since when it holds, for each of them.
        values: As many as steps; with layers the median of each since its step. None at all
            where what was read is no number.
        layers: As many as steps, the worst first; empty where it is about the whole network.
        unit: Unit of the values; ``"1"`` for pure numbers.
    """

    quantity: str
    steps: tuple[int, ...]
    values: tuple[float, ...] = ()
    layers: tuple[str, ...] = ()
    unit: str = "1"

    @staticmethod
    def of(quantity: str, stretch: Series) -> "Evidence":
        """All looks of a stretch."""
        return Evidence(quantity, stretch.steps, stretch.values)

    @staticmethod
    def of_layers(quantity: str, stretches: list[Series]) -> "Evidence":
        """A stretch for each layer."""
        return Evidence(
            quantity,
            tuple(stretch.steps[0] for stretch in stretches),
            tuple(stretch.median for stretch in stretches),
            tuple(stretch.layer or "" for stretch in stretches),
        )

    @property
    def summary(self) -> str:
        """Quantity, values and steps in a few words; of layers the first three."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.layers:
            shown = [
                f"{number(value)}{unit} at {layer} since step {step}"
                for layer, value, step in zip(self.layers, self.values, self.steps, strict=False)
            ]
            more = len(shown) - _NAMED
            return f"{self.quantity}: {listed([*shown[:_NAMED], *[f'{more} more'] * (more > 0)])}"
        first, last = self.steps[0], self.steps[-1]
        where = f"at step {first}" if first == last else f"from step {first} to {last}"
        looks = f"{counted(len(self.steps), 'look')} {where}"
        if not self.values:
            return f"{self.quantity}: {looks}"
        least, most = number(min(self.values)), number(max(self.values))
        values = least if least == most else f"{least} to {most}"
        return f"{self.quantity}: {values}{unit}, {looks}"

    def as_dict(self) -> dict[str, Any]:
        """Strings, numbers and lists alone, as JSON takes them."""
        return {
            "quantity": self.quantity,
            "unit": self.unit,
            "steps": list(self.steps),
            "layers": list(self.layers),
            "values": list(self.values),
        }


@dataclass(frozen=True, slots=True)
class Case:
    """What a training shows of one symptom; fields as in :class:`Finding`."""

    severity: Severity
    sentence: str
    evidence: Evidence
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the readings of a training show.

    Args:
        id: Stable name, as in the table of docs/findings.md.
        severity: ``"serious"`` where the training, or everything else that was measured, is not
            to be relied on; ``"warning"`` where it probably suffers; ``"info"`` else.
        sentence: What was found, with its main value and what that means.
        evidence: What it rests on.
        reference: Where it is explained: paper and section.
        remedy: What to do.
    """

    id: str
    severity: Severity
    sentence: str
    evidence: Evidence
    reference: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity.capitalize()}: {self.sentence} {self.remedy}"

    def as_dict(self) -> dict[str, Any]:
        """Strings, numbers, lists and dictionaries alone, as JSON takes them."""
        return {
            "id": self.id,
            "severity": self.severity,
            "sentence": self.sentence,
            "evidence": self.evidence.as_dict(),
            "reference": self.reference,
            "remedy": self.remedy,
        }
