"""The paper's claims, each with the statistic that decides it, fixed before the runs."""

from landscope.claims.answer import Answer, Number, Verdict
from landscope.claims.table import answers

__all__ = ["Answer", "Number", "Verdict", "answers"]
