"""The paper's claims, each with the statistic and the rule that decide it."""

from landscope.claims.answer import Answer, Number, Verdict
from landscope.claims.table import answers

__all__ = ["Answer", "Number", "Verdict", "answers"]
