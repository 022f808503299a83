"""A finding, the rule that makes it from the readings of a training, and the list of them."""

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
    def of(series: Series) -> "Evidence":
        """All values of a series."""
        return Evidence(
            str(series.quantity), series.steps, series.values, unit=series.quantity.unit
        )

    @staticmethod
    def of_layers(layers: Sequence[Series]) -> "Evidence":
        """The first step and the median of each layer, of which there must be one."""
        return Evidence(
            str(layers[0].quantity),
            tuple(series.steps[0] for series in layers),
            tuple(series.median for series in layers),
            tuple(series.layer or "" for series in layers),
            layers[0].quantity.unit,
        )

    @property
    def summary(self) -> str:
        """Quantity, values and steps in a few words; of layers the first three."""
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
        """Strings, numbers and lists alone, as JSON takes them."""
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
        return asdict(self) | {"evidence": self.evidence.as_dict()}


@dataclass(frozen=True, slots=True)
class Case:
    """What a training shows of a rule; the severity is the rule's worst unless given."""

    sentence: str
    evidence: Evidence
    remedy: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When a finding appears, and who explains it: a row of the table.

    Args:
        case: What a training shows of it; None where it shows nothing.
        when: When it appears, with its thresholds, in words.
        reference: As in ``Finding``.
        severities: Those that it can have, the worst first.
        of_mean_gradient: Whether it is about the gradient of the whole batch. Of several processes
            one measures its own part of the batch, so that nothing of this can be said.
    """

    case: Callable[[History], Case | None]
    when: str
    reference: str
    severities: tuple[Severity, ...]
    of_mean_gradient: bool

    @property
    def id(self) -> str:
        """Name of the function that looks for it, with hyphens."""
        return self.case.__name__.replace("_", "-")

    def find(self, history: History) -> Finding | None:
        """The finding that a training has of this; None where it has none."""
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
    """Make a rule of the function that looks for its case; arguments as in :class:`Rule`."""
    return lambda case: Rule(case, when, reference, severities, of_mean_gradient)


class Findings(list[Finding]):
    """A list of findings, the most severe first, that can be read as it is.

    Args:
        found: The findings.
        measured: How many steps each probe has measured, by its id.
        skipped: The probes that have skipped whatever they were to read, of which more
            measurements make no difference.

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
        """What was not measured often enough to say anything of it; empty where all was."""
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
            f"{listed(counts)}{others}. A larger budget, every= or a longer training gives more."
        )

    @property
    def in_short(self) -> str:
        """Whether there are any, and what was not seen."""
        count = f"Findings: {len(self)}." if self else "" if self.unseen else NO_PROBLEMS
        return " ".join(filter(None, (count, self.unseen)))

    def __repr__(self) -> str:
        return "\n".join(filter(None, (*map(str, self), self.unseen if self else self.in_short)))

    def to_html(self) -> str:
        """A table of them, as a notebook shows it; all words in it are escaped."""
        headings = ("", "finding", "what helps", "reference", "id")
        rows = [(one.severity, one.sentence, one.remedy, one.reference, one.id) for one in self]
        return html_table(self.in_short, headings, rows)

    def _repr_html_(self) -> str:
        return self.to_html()
