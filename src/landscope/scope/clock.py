"""The clock: what the training takes, and what measuring takes of it."""

import time
from collections.abc import Mapping

from landscope.scope.budget import Budget, average

_WARM_UP = 2  # updates that are not counted: compilers, allocators and caches do their work there
_PAUSE = 10.0  # usual steps: what takes longer is no training, and gives no credit for looks


class Clock:
    """Times updates from the end of one to the end of the next.

    Args:
        budget: Is told of the time, and plans the looks by it; None for a fixed cadence.

    Attributes:
        step_seconds: What an update takes without a look, on a moving average.
    """

    def __init__(self, budget: Budget | None) -> None:
        self.step_seconds = 0.0
        self._budget = budget
        self._updates = 0
        self._last: float | None = None
        self._total = 0.0
        self._measuring = 0.0

    @property
    def share(self) -> float:
        """Share of the time that was spent on measuring; 0 before any was counted."""
        return self._measuring / self._total if self._total else 0.0

    def passed(self, step: int, measuring: float, taken: Mapping[str, float] | None) -> None:
        """An update has ended, and so has the look at it.

        Args:
            step: Its number.
            measuring: Seconds of it that were not the training's.
            taken: Of these, the seconds of each probe, by its id; None where there was no look.
        """
        now = time.perf_counter()
        total = 0.0 if self._last is None else now - self._last
        self._last = now
        self._updates += 1
        training = max(0.0, total - measuring)
        if self._updates > _WARM_UP:
            self._total += total
            self._measuring += measuring
            usual = self.step_seconds or training
            training = min(training, _PAUSE * usual)
            if taken is None:
                self.step_seconds = average(usual, training)
        if self._budget is not None and self.step_seconds:
            self._budget.passed(step, training, self.step_seconds, measuring, taken or {})
