"""Which of some norms is best, over the same seeds: paired differences with Student's t."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

FEWEST_SEEDS = 3
"""With fewer seeds no difference is distinguished from chance."""
LEVEL = 0.95
"""Of all the intervals of one ranking together (Bonferroni)."""

Scores = Mapping[str, Mapping[int, float]]
"""A number for each norm and seed."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The best norm against another, over the same seeds.

    Args:
        other: The other norm.
        value: The other's number over the best's, or minus it, see ``Ranking.ratio``.
        low: Lower end of its interval; NaN with fewer than two seeds.
        high: Upper end.
        apart: Whether the interval leaves out that there is no difference.
    """

    other: str
    value: float
    low: float
    high: float
    apart: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Some norms in order, the best first.

    Args:
        means: The mean over the seeds by norm; the geometric mean where ratios are compared.
        ratio: Whether norms are compared by ratios, which takes positive numbers.
        seeds: How many seeds all norms have.
        pairs: The best against each of the others, in order.
    """

    means: Mapping[str, float]
    ratio: bool
    seeds: int
    pairs: tuple[Pair, ...]

    @property
    def best(self) -> str:
        """The norm with the best mean."""
        return next(iter(self.means))

    @property
    def decided(self) -> bool:
        """Whether the best is distinguished from every other."""
        return self.seeds >= FEWEST_SEEDS and all(pair.apart for pair in self.pairs)


def rank(scores: Scores, *, smaller_is_better: bool) -> Ranking:
    """Order the norms and compare the best with each other one.

    The difference, or where all numbers are positive the log of the ratio, is taken for each seed
    and its mean gets Student's interval with n - 1 degrees of freedom. The intervals hold together
    with ``LEVEL``: each has the level 1 - (1 - LEVEL) / (number of others).

    Args:
        scores: Finite numbers; the same seeds for each norm, at least one norm and one seed.
        smaller_is_better: Whether the best is the least.
    """
    seeds = list(next(iter(scores.values())))
    table = {norm: np.array([own[seed] for seed in seeds]) for norm, own in scores.items()}
    ratio = all((row > 0).all() for row in table.values())
    if ratio:
        table = {norm: np.log(row) for norm, row in table.items()}
    order = sorted(table, key=lambda norm: float(table[norm].mean()), reverse=not smaller_is_better)
    best, *others = order
    pairs = tuple(_pair(other, table[other] - table[best], len(others), ratio) for other in others)
    means = {norm: float(table[norm].mean()) for norm in order}
    if ratio:
        means = {norm: math.exp(mean) for norm, mean in means.items()}
    return Ranking(means, ratio, len(seeds), pairs)


def _pair(
    other: str, differences: "np.ndarray[tuple[int], np.dtype[np.float64]]", pairs: int, ratio: bool
) -> Pair:
    count = len(differences)
    mean = float(differences.mean())
    half = math.nan
    if count > 1:
        quantile = float(stdtrit(count - 1, 1 - (1 - LEVEL) / (2 * pairs)))
        half = quantile * float(differences.std(ddof=1)) / math.sqrt(count)
    ends = (mean, mean - half, mean + half)
    apart = count >= FEWEST_SEEDS and (ends[1] > 0 or ends[2] < 0)
    value, low, high = (math.exp(end) if ratio else end for end in ends)
    return Pair(other, value, low, high, apart)
