"""Findings: what the readings of one training say to whoever trains, and what to do about it.

Reads readings alone and imports no torch.
"""

from landscope.findings.finding import Evidence, Finding, Findings, Severity
from landscope.findings.table import across, find

__all__ = ["Evidence", "Finding", "Findings", "Severity", "across", "find"]
