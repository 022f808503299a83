"""Findings: what the readings of one training say to whoever trains, and what to do about it.

Reads readings alone and imports no torch.
"""

from landscope.findings.finding import Evidence, Finding, Severity
from landscope.findings.findings import Findings
from landscope.findings.table import find

__all__ = ["Evidence", "Finding", "Findings", "Severity", "find"]
