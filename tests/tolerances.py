"""The tolerances of the whole suite; they ship with the package's conformance suites."""

from landscope.testing.tolerances import EXACT64, FLOAT32, STOCHASTIC

__all__ = ["EXACT64", "FLOAT32", "STOCHASTIC"]
