"""Paired differences over seeds: against scipy's own test, and by laws."""

import math

import numpy as np
import pytest
from scipy import stats
from tests.tolerances import EXACT64

from landscope.studies.comparison.paired import FEWEST_SEEDS, rank

SEEDS = (0, 1, 2, 3)
RANDOM = np.random.default_rng(0)
NOISE = {seed: float(value) for seed, value in zip(SEEDS, RANDOM.normal(0, 0.05, 4), strict=True)}


def scores(**means: float) -> dict[str, dict[int, float]]:
    """Numbers around some means; what a seed adds is the same for all."""
    random = np.random.default_rng(1)
    return {
        norm: {seed: mean + NOISE[seed] + float(random.normal(0, 0.01)) for seed in SEEDS}
        for norm, mean in means.items()
    }


def interval(differences: np.ndarray, level: float) -> tuple[float, float]:
    found = stats.ttest_1samp(differences, 0.0).confidence_interval(level)
    return float(found.low), float(found.high)


def test_differences_have_the_interval_of_a_paired_t_test() -> None:
    given = scores(a=-1.0, b=-0.5, c=0.5)
    ranking = rank(given, smaller_is_better=True)
    assert list(ranking.means) == ["a", "b", "c"]
    assert not ranking.ratio
    for pair in ranking.pairs:
        rows = [np.array(list(given[norm].values())) for norm in (pair.other, "a")]
        # Two intervals hold together with 95 %.
        low, high = interval(rows[0] - rows[1], 0.975)
        EXACT64.check(np.array([pair.low, pair.high]), np.array([low, high]))
        assert pair.low < pair.value < pair.high
        assert pair.apart


def test_positive_numbers_are_compared_by_their_ratios() -> None:
    given = scores(a=1.0, b=2.0)
    ranking = rank(given, smaller_is_better=True)
    (pair,) = ranking.pairs
    logs = np.log([given["b"][seed] / given["a"][seed] for seed in SEEDS])
    low, high = interval(logs, 0.95)
    EXACT64.check(np.array([pair.low, pair.high]), np.exp([low, high]))
    EXACT64.check(np.array(pair.value), np.exp(logs.mean()))
    assert ranking.ratio
    assert ranking.decided


def test_the_greatest_is_the_best_where_it_is_asked_for() -> None:
    ranking = rank(scores(a=1.0, b=2.0), smaller_is_better=False)
    assert ranking.best == "b"
    (pair,) = ranking.pairs
    assert pair.value < pair.high < 1


def test_norms_that_the_seeds_scatter_more_than_they_differ_are_not_told_apart() -> None:
    given = {"a": {0: 1.0, 1: 2.0, 2: 3.0}, "b": {0: 3.1, 1: 2.0, 2: 1.0}}
    ranking = rank(given, smaller_is_better=True)
    (pair,) = ranking.pairs
    assert pair.low < 1 < pair.high
    assert not ranking.decided


def test_pairing_takes_away_what_a_seed_adds_to_all() -> None:
    """The same numbers with one norm's seeds shuffled are not clearly different."""
    seeds = {0: 0.0, 1: 5.0, 2: 10.0, 3: 15.0}
    a = {seed: value + 1 for seed, value in seeds.items()}
    b = {seed: 1.2 * value for seed, value in a.items()}
    assert rank({"a": a, "b": b}, smaller_is_better=True).decided
    shuffled = dict(zip(SEEDS, [b[2], b[0], b[3], b[1]], strict=True))
    assert not rank({"a": a, "b": shuffled}, smaller_is_better=True).decided


@pytest.mark.parametrize("count", [1, 2])
def test_with_few_seeds_nothing_is_decided(count: int) -> None:
    given = {norm: {seed: own[seed] for seed in SEEDS[:count]}
             for norm, own in scores(a=1.0, b=9.0).items()}  # fmt: skip
    ranking = rank(given, smaller_is_better=True)
    assert not ranking.decided
    assert math.isnan(ranking.pairs[0].low) == (count == 1)


def test_more_norms_widen_the_intervals() -> None:
    two = rank(scores(a=1.0, b=2.0), smaller_is_better=True).pairs[0]
    many = rank(scores(a=1.0, b=2.0, c=3.0, d=4.0), smaller_is_better=True).pairs[0]
    assert many.low < two.low < two.high < many.high


def test_a_norm_alone_is_the_best() -> None:
    assert FEWEST_SEEDS == 3
    assert rank({"a": {0: 1.0, 1: 1.0, 2: 2.0}}, smaller_is_better=True).pairs == ()
