"""The three tolerances that every comparison of numbers here uses, so that none is made up locally.

- ``EXACT64``: two float64 computations of one formula.
- ``FLOAT32``: a float32 computation against float64, or against another order of summation.
- ``STOCHASTIC(n, sigmas)``: a statistic of ``n`` draws, the ``n`` fixed beforehand, against its
  expectation. It is one z-test, never "try until it is near".
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# numpy counts floats as complex numbers here, which a checker at run time does not.
Values = ArrayLike | int | float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How large a relative error may be.

    The error of an array is its largest absolute deviation over the largest absolute value
    expected, so that entries which cancel to almost nothing are held to the scale of the others.

    Args:
        rtol: Largest relative error that passes.
    """

    rtol: float

    def error(self, actual: Values, expected: Values) -> float:
        """The relative error of ``actual``; infinite where the shapes differ, NaN is never equal.

        Args:
            actual: What was computed, of any shape.
            expected: What it should be, of the same shape.
        """
        computed = np.asarray(actual, dtype=np.float64)
        reference = np.asarray(expected, dtype=np.float64)
        if computed.shape != reference.shape:
            return math.inf
        if computed.size == 0 or np.array_equal(computed, reference):
            return 0.0
        deviation = np.abs(computed - reference).max()
        largest = np.abs(reference).max()
        return float(deviation / largest) if largest != 0 else math.inf

    def check(self, actual: Values, expected: Values) -> None:
        """Fail where the relative error is above ``rtol``.

        Raises:
            AssertionError: With both values, the error and the tolerance.
        """
        error = self.error(actual, expected)
        if not error <= self.rtol:
            raise AssertionError(
                f"relative error {error:.3g} is above {self.rtol:g}:\n"
                f"  computed {np.asarray(actual)!r}\n  expected {np.asarray(expected)!r}"
            )


@dataclass(frozen=True, slots=True)
class Stochastic:
    """A two-sided z-test with everything fixed before the first draw.

    Args:
        n: Number of independent draws.
        sigmas: Largest distance of their mean from its expectation, in standard errors. A true
            null fails with probability ``erfc(sigmas / sqrt(2))``: 4 sigmas, 1 in 16,000.
    """

    n: int
    sigmas: int | float

    def z(self, draws: Values, mean: int | float, variance: int | float) -> float:
        """Distance of the draws' mean from ``mean``, in standard errors.

        Args:
            draws: Independent draws, ``n`` of them.
            mean: Expectation of one draw.
            variance: Variance of one draw.

        Raises:
            AssertionError: Where there are more or fewer draws than ``n``.
        """
        values = np.asarray(draws, dtype=np.float64).ravel()
        if values.size != self.n:
            raise AssertionError(f"{values.size} draws; the test was fixed at n = {self.n}")
        return float((values.mean() - mean) / math.sqrt(variance / self.n))

    def check(self, draws: Values, mean: int | float, variance: int | float) -> None:
        """Fail where the draws' mean is further than ``sigmas`` standard errors from ``mean``.

        Raises:
            AssertionError: With the z-value and the number of sigmas.
        """
        z = self.z(draws, mean, variance)
        if not abs(z) <= self.sigmas:
            raise AssertionError(f"|z| = {abs(z):.3g} is above {self.sigmas:g} at n = {self.n}")


EXACT64 = Tolerance(rtol=1e-10)
FLOAT32 = Tolerance(rtol=1e-5)
STOCHASTIC = Stochastic
