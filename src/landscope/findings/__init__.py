"""Findings: what the readings of one training show, in sentences, each with a remedy.

It reads only readings and does not import torch.
"""

from landscope.findings.finding import Evidence, Finding, Findings, Severity
from landscope.findings.table import across, find

__all__ = ["Evidence", "Finding", "Findings", "Severity", "across", "find"]
