"""The findings of one training as a list that can be read as it is, in a notebook as well."""

from landscope.findings.finding import Finding
from landscope.notebook import html_table

_NONE = "Findings: none so far"
_HEADINGS = ("", "finding", "what helps", "reference", "id")


class Findings(list[Finding]):
    """A list of findings, the most severe first."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) if self else _NONE

    def to_html(self) -> str:
        """A table of them, as a notebook shows it; all words in it are escaped."""
        rows = [(one.severity, one.sentence, one.remedy, one.reference, one.id) for one in self]
        return html_table(_caption(len(rows)), _HEADINGS, rows)

    def _repr_html_(self) -> str:
        return self.to_html()


def _caption(count: int) -> str:
    return f"Findings: {count}" if count else _NONE
