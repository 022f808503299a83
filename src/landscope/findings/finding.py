"""A finding, the rule that derives it from the readings of a training, and the list of findings."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from landscope.findings.history import LEAST, History, Series
from landscope.findings.phrase import first_three
from landscope.text import counted, html_table, listed, number

Severity = Literal["serious", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "info")
"""The worst first."""

NO_PROBLEMS = "No problems found."


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finding rests on.

    Args:
        quantity: Probe and quantity with a slash between them; with "over" for a quotient.
        steps: Where it was read. With layers: for each, the step since when it holds.
        values: One for each step; with layers, the median of each since its step. Empty if what was
            read is not a number.
        layers: One for each step, the worst first; empty if it is about the whole network.
        unit: Unit of the values; ``"1"`` for pure numbers.
    """

    quantity: str
    steps: tuple[int, ...]
    values: tuple[float, ...] = ()
    layers: tuple[str, ...] = ()
    unit: str = "1"

    @staticmethod
    def of(series: Series) -> "Evidence":
        """All values of a series."""
        return Evidence(
            str(series.quantity), series.steps, series.values, unit=series.quantity.unit
        )

    @staticmethod
    def of_layers(layers: Sequence[Series]) -> "Evidence":
        """The first step and the median of each layer; there must be at least one layer."""
        return Evidence(
            str(layers[0].quantity),
            tuple(series.steps[0] for series in layers),
            tuple(series.median for series in layers),
            tuple(series.layer or "" for series in layers),
            layers[0].quantity.unit,
        )

    @property
    def summary(self) -> str:
        """Quantity, values and steps in a few words; the first three layers only."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.layers:
            layers = [
                f"{number(value)}{unit} at {layer or 'the model'} since step {step}"
                for layer, value, step in zip(self.layers, self.values, self.steps, strict=False)
            ]
            return f"{self.quantity}: {first_three(layers)}"
        first, last = self.steps[0], self.steps[-1]
        where = f"at step {first}" if first == last else f"from step {first} to {last}"
        measurements = f"{counted(len(self.steps), 'measurement')} {where}"
        if not self.values:
            return f"{self.quantity}: {measurements}"
        least, most = number(min(self.values)), number(max(self.values))
        values = least if least == most else f"{least} to {most}"
        return f"{self.quantity}: {values}{unit}, {measurements}"

    def as_dict(self) -> dict[str, Any]:
        """Strings, numbers and lists only, ready for JSON."""
        return {
            "quantity": self.quantity,
            "unit": self.unit,
            "steps": list(self.steps),
            "layers": list(self.layers),
            "values": list(self.values),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the readings of a training show.

    Args:
        id: Stable name, as in the table of docs/findings.md.
        severity: ``"serious"`` if the training, or everything else that was measured, cannot be
            relied on; ``"warning"`` if the training probably suffers; ``"info"`` otherwise.
        sentence: What was found, with its main value and what that means.
        evidence: What it rests on.
        reference: Paper and section that explain it.
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
        """Strings, numbers, lists and dictionaries only, ready for JSON."""
        return asdict(self) | {"evidence": self.evidence.as_dict()}


@dataclass(frozen=True, slots=True)
class Case:
    """What a training shows of a rule; the severity defaults to the rule's worst."""

    sentence: str
    evidence: Evidence
    remedy: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When a finding appears, and the source that explains it: a row of the table.

    Args:
        case: What a training shows of it; None if it shows nothing.
        when: When it appears, with its thresholds, in words.
        reference: As in ``Finding``.
        severities: The severities that it can have, the worst first.
        of_mean_gradient: Whether it is about the gradient of the whole batch. With several
            processes, one process measures only its own part of the batch, so the rule is not
            applied.
    """

    case: Callable[[History], Case | None]
    when: str
    reference: str
    severities: tuple[Severity, ...]
    of_mean_gradient: bool

    @property
    def id(self) -> str:
        """Name of the rule's function, with hyphens."""
        return self.case.__name__.replace("_", "-")

    def find(self, history: History) -> Finding | None:
        """The finding for a training; None if there is none."""
        case = self.case(history)
        if case is None:
            return None
        severity = case.severity or self.severities[0]
        return Finding(self.id, severity, case.sentence, case.evidence, self.reference, case.remedy)


def rule(
    when: str,
    reference: str,
    *,
    severities: tuple[Severity, ...] = ("warning",),
    of_mean_gradient: bool = False,
) -> Callable[[Callable[[History], Case | None]], Rule]:
    """Turn a function that finds a case into a rule; the arguments are those of :class:`Rule`."""
    return lambda case: Rule(case, when, reference, severities, of_mean_gradient)


class Findings(list[Finding]):
    """A readable list of findings, the most severe first.

    Args:
        found: The findings.
        measured: The number of steps that each probe measured, by its id.
        skipped: The probes that skipped everything they were asked to read, so more measurements
            would not help.

    Attributes:
        measured: As given.
    """

    def __init__(
        self,
        found: Iterable[Finding] = (),
        measured: Mapping[str, int] | None = None,
        skipped: Collection[str] = (),
    ) -> None:
        super().__init__(found)
        self.measured = dict(measured or {})
        self._skipped = skipped

    @property
    def unseen(self) -> str:
        """What was not measured often enough to say anything about; empty if everything was."""
        if not any(self.measured.values()):
            return "Nothing was measured, so nothing can be said."
        seldom = {
            probe: count
            for probe, count in self.measured.items()
            if count < LEAST and probe not in self._skipped
        }
        if not seldom:
            return ""
        often = ("never", "once", "twice")
        counts = [f"{probe} {often[count]}" for probe, count in seldom.items()]
        enough = sum(count >= LEAST for count in self.measured.values())
        others = f"; {enough} more measured often enough" if enough else ""
        return (
            f"Not measured often enough to rule out problems, which takes {LEAST} measurements: "
            f"{listed(counts)}{others}. Give a larger budget or every=, or train longer."
        )

    @property
    def in_short(self) -> str:
        """The number of findings, and what was not measured often enough."""
        count = f"Findings: {len(self)}." if self else "" if self.unseen else NO_PROBLEMS
        return " ".join(filter(None, (count, self.unseen)))

    def __repr__(self) -> str:
        return "\n".join(filter(None, (*map(str, self), self.unseen if self else self.in_short)))

    def to_html(self) -> str:
        """A table of the findings for notebooks; all text is escaped."""
        headings = ("", "finding", "what helps", "reference", "id")
        rows = [(one.severity, one.sentence, one.remedy, one.reference, one.id) for one in self]
        return html_table(self.in_short, headings, rows)

    def _repr_html_(self) -> str:
        return self.to_html()
