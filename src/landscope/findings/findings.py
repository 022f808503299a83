"""The findings of one training as a list that can be read as it is, in a notebook as well."""

from collections.abc import Iterable, Mapping

from landscope.findings.finding import Finding
from landscope.findings.lasting import LEAST
from landscope.findings.phrase import listed
from landscope.notebook import html_table

NO_PROBLEMS = "No problems found."
_HEADINGS = ("", "finding", "what helps", "reference", "id")


class Findings(list[Finding]):
    """A list of findings, the most severe first.

    Args:
        found: The findings.
        measured: How many steps each probe has measured, by its id.

    Attributes:
        measured: As given.
    """

    def __init__(
        self, found: Iterable[Finding] = (), measured: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(found)
        self.measured = dict(measured or {})

    @property
    def unseen(self) -> str:
        """What was not measured often enough to say anything of it; empty where all was."""
        if not any(self.measured.values()):
            return "Nothing was measured, so nothing can be said."
        seldom = {probe: count for probe, count in self.measured.items() if count < LEAST}
        if not seldom:
            return ""
        counts = [f"{probe} {_times(count)}" for probe, count in seldom.items()]
        enough = len(self.measured) - len(seldom)
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
        rows = [(one.severity, one.sentence, one.remedy, one.reference, one.id) for one in self]
        return html_table(self.in_short, _HEADINGS, rows)

    def _repr_html_(self) -> str:
        return self.to_html()


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
