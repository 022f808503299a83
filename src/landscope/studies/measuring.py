"""How the trainings of a study are measured: by a scope, whose failures do not pass unheard."""

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager

from landscope.errors import LandscopeError
from landscope.quantities import SCOPE, TRAINING
from landscope.reading import Reading
from landscope.scope.scope import Scope


class Heard:
    """Where a scope of a study writes to: a scope swallows errors, and a study ends by them.

    Args:
        write: Takes each reading.
        strict: Whether a probe that cannot measure ends the run, and what a scope has to say of
            its own measuring is no part of the records.

    Attributes:
        measured: Readings of probes so far.
    """

    def __init__(self, write: Callable[[Reading], None], *, strict: bool = False) -> None:
        self._write = write
        self._strict = strict
        self._error: LandscopeError | None = None
        self.measured = 0

    def write(self, reading: Reading) -> None:
        """Pass a reading on; ``check`` raises again what the disk refuses."""
        if self._strict and reading.probe == SCOPE.probe:
            if (reading.probe, reading.quantity) == SCOPE.failed.key:
                self._error = self._error or _failed(reading)
            return
        self.measured += reading.probe != TRAINING.probe
        try:
            self._write(reading)
        except LandscopeError as error:
            self._error = error
            raise

    def close(self) -> None:
        """Nothing: the run ends its journal itself."""

    def check(self) -> None:
        """Raise what measuring and writing have met with.

        Raises:
            LandscopeError: The disk, or a probe.
        """
        if self._error is not None:
            raise self._error


def _failed(reading: Reading) -> LandscopeError:
    return LandscopeError(
        f"{reading.layer} at step {reading.step}",
        f"it cannot be measured ({reading.function})",
        "leave the probe out, or report it with the configuration of the run",
    )


@contextmanager
def quietly(scope: Scope) -> Generator[None]:
    """The scope for a block; what it warns of is heard otherwise."""
    with warnings.catch_warnings(), scope:
        warnings.filterwarnings("ignore", message="landscope: ")
        yield
