"""The bars that landscope set itself, each a number and the most that it may be."""

from dataclasses import dataclass

ARITHMETIC = 1.0
TIME_ON_CPU = 1.05
TIME_ON_GPU = 1.5
GPU_SAMPLES = 128  # a GPU is idle for much of a smaller batch
MEMORY_OF_STEP = 1.5
MEMORY_COPIES = 2
EQUALITY = 1e-12
LINE = 1.0
DECLARED = 1.0


def memory_bound(step: int, parameters: int) -> float:
    """The most bytes that may be alive during a look.

    Args:
        step: The most that are during a training step.
        parameters: Bytes of one copy of the parameters.
    """
    return MEMORY_OF_STEP * step + MEMORY_COPIES * parameters


@dataclass(frozen=True)
class Bar:
    """One number held to one limit.

    Args:
        name: What is limited.
        value: What was measured.
        limit: The most that it may be.
    """

    name: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether it is at or below the limit; NaN is not."""
        return self.value <= self.limit

    @property
    def in_words(self) -> str:
        """As a table shows it."""
        return "met" if self.met else "[bold red]missed[/]"

    def as_record(self) -> dict[str, object]:
        """As results hold it."""
        return {"bar": self.name, "value": self.value, "limit": self.limit, "met": self.met}
