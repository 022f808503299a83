"""Schedules: the steps at which a probe measures."""

from dataclasses import dataclass

from landscope.errors import UsageError


@dataclass(frozen=True)
class EverySteps:
    """Step 0 and every ``count`` steps from there.

    Raises:
        UsageError: ``count`` is not positive.
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(
                f"count = {self.count}", "a cadence is a positive number of steps", "give 1 or more"
            )

    def due(self, step: int) -> bool:
        """Whether the schedule includes a step."""
        return step % self.count == 0


@dataclass(frozen=True)
class FirstStep:
    """Step 0, the initial weights, and no other."""

    def due(self, step: int) -> bool:
        """Whether a step is step 0."""
        return step == 0


@dataclass
class WhenPlanned:
    """The one step that a budget has planned.

    Args:
        step: The step; None if none is planned.
    """

    step: int | None = None

    def due(self, step: int) -> bool:
        """Whether a step is that step."""
        return step == self.step


Schedule = EverySteps | FirstStep | WhenPlanned
