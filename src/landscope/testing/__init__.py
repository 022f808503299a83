"""Conformance suites for norms and probes, yours too, and the tolerances of tests."""

from landscope.testing.norms import NormConformance
from landscope.testing.probes import ProbeConformance
from landscope.testing.tolerances import EXACT64, FLOAT32, STOCHASTIC, Stochastic, Tolerance

__all__ = [
    "EXACT64",
    "FLOAT32",
    "STOCHASTIC",
    "NormConformance",
    "ProbeConformance",
    "Stochastic",
    "Tolerance",
]
