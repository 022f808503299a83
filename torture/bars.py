"""The bars of the rows: a number, what it may be, and whether it is."""

import benchmarks.bars


class Most(benchmarks.bars.Bar):
    """A number that may be its limit and no more."""

    words = "at most"

    def as_record(self) -> dict[str, object]:
        """As results hold it."""
        return {**super().as_record(), "rule": f"{self.words} {self.limit:g}"}


class Least(Most):
    """A number that may be its limit and no less."""

    words = "at least"

    @property
    def met(self) -> bool:
        """Whether it is at or above the limit; NaN is not."""
        return self.value >= self.limit
