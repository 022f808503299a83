"""Seconds of several pieces of work, taken in turn in one run, so that a slow moment slows all."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Seconds:
    """Every time that one piece of work took.

    Args:
        all: Seconds, in the order of measurement.
    """

    all: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.all)

    @property
    def least(self) -> float:
        """The shortest."""
        return min(self.all)

    @property
    def most(self) -> float:
        """The longest."""
        return max(self.all)


def median_ratio(above: Seconds, below: Seconds) -> float:
    """Median over the rounds of one time over another of the same round."""
    return statistics.median(a / b for a, b in zip(above.all, below.all, strict=True))


def in_turn(
    works: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float, device: str
) -> dict[str, Seconds]:
    """Time each work once a round, after one round that is not counted.

    Args:
        works: What is timed, by name, in the order of a round.
        rounds: Rounds at least.
        seconds: Go on until they have taken so long altogether.
        device: Where they run; a GPU is waited for before each reading of the clock.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    start = time.perf_counter()
    while len(next(iter(taken.values()))) < rounds or time.perf_counter() - start < seconds:
        for name, work in works.items():
            taken[name].append(_once(work, device))
    return {name: Seconds(tuple(all_)) for name, all_ in taken.items()}


def _once(work: Callable[[], object], device: str) -> float:
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def wait(device: str) -> None:
    """Until a GPU has done all that it was given; a CPU has."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
