"""The yardsticks themselves: what passes, what fails, and what is said about it."""

import numpy as np
import pytest
from tests.tolerances import EXACT64, FLOAT32, STOCHASTIC

VALUES = np.array([3.0, -1.0, 1e-12])


def test_the_error_is_relative_to_the_largest_value() -> None:
    assert EXACT64.error(VALUES, VALUES) == 0
    assert EXACT64.error([1.0, 2.5], [1.0, 2.0]) == 0.25
    assert EXACT64.error(0.0, 0.0) == 0


@pytest.mark.parametrize("tolerance", [EXACT64, FLOAT32])
def test_errors_up_to_the_tolerance_pass(tolerance) -> None:
    tolerance.check(VALUES * (1 + 0.9 * tolerance.rtol), VALUES)
    with pytest.raises(AssertionError, match=r"relative error .* is above"):
        tolerance.check(VALUES * (1 + 1.1 * tolerance.rtol), VALUES)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ([1.0, 2.0], [1.0]),
        (np.nan, 1.0),
        (1.0, np.nan),
        (np.nan, np.nan),
        (np.inf, 1.0),
        (-np.inf, np.inf),
        (1e-300, 0.0),
        ([], 0.0),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_what_is_not_near_fails(actual, expected) -> None:
    with pytest.raises(AssertionError, match="relative error"):
        FLOAT32.check(actual, expected)


def test_a_z_test_counts_standard_errors_of_the_mean() -> None:
    draws = np.full(100, 0.5)
    assert STOCHASTIC(n=100, sigmas=4).z(draws, mean=0.2, variance=1.0) == pytest.approx(3.0)
    STOCHASTIC(n=100, sigmas=3.1).check(draws, mean=0.2, variance=1.0)
    with pytest.raises(AssertionError, match=r"\|z\| = 3 is above 2.9 at n = 100"):
        STOCHASTIC(n=100, sigmas=2.9).check(draws, mean=0.2, variance=1.0)
    with pytest.raises(AssertionError, match="is above 4"):
        STOCHASTIC(n=100, sigmas=4).check(draws * np.nan, mean=0.2, variance=1.0)


def test_a_z_test_has_its_number_of_draws_fixed() -> None:
    with pytest.raises(AssertionError, match="99 draws; the test was fixed at n = 100"):
        STOCHASTIC(n=100, sigmas=4).check(np.zeros(99), mean=0, variance=1)
