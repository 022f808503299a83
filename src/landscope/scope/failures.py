"""What could not be measured: it is told of, may be tried again, and is given up in the end."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from landscope.errors import UsageError
from landscope.reading import Reading, Status
from landscope.scope.watch import Watch

_TRIES = 3  # times in a row that a measurement may fail before it is given up


class Failures:
    """Counts the failures of looks and probes, and tells of each.

    Args:
        watch: Warns the user.
        write: Takes what is recorded of them.
    """

    def __init__(self, watch: Watch, write: Callable[[Reading], None]) -> None:
        self._watch = watch
        self._write = write
        self._looks = 0  # in a row that failed before a probe could read
        self._refused: Counter[str] = Counter()  # batches in a row, by the probe's id
        self._now: set[str] = set()  # probes that failed in the look that is being taken

    def of_look(self, step: int, error: Exception) -> bool:
        """A look failed before a probe could read; whether there may be another."""
        self._now.clear()
        self._looks += 1
        again = self._looks < _TRIES
        self._tell("scope", step, error, again=again)
        return again

    def of_probe(self, probe: str, step: int, error: Exception) -> bool:
        """A probe raised; whether it may look again.

        What it refuses to measure on one batch it may be able to measure on another.
        """
        self._now.add(probe)
        refused = isinstance(error, UsageError)
        self._refused[probe] += refused
        again = refused and self._refused[probe] < _TRIES
        self._tell(probe, step, error, again=again)
        return again

    def of_processes(self, probe: str, step: int, processes: int) -> None:
        """A probe is left out, because several processes train together."""
        error = UsageError(
            f"{probe} in a training of {processes} processes",
            "the update is made of the gradient over the batches of all, and this process has one",
            "measure it in a training of one process",
        )
        self._write(_failed(probe, step, str(error)))

    def looked(self, probes: Iterable[str]) -> None:
        """A look has been taken by these probes, and what did not fail in it begins afresh."""
        for probe in set(probes) - self._now:
            del self._refused[probe]
        self._now.clear()
        self._looks = 0

    def state_dict(self) -> dict[str, Any]:
        """The counts, as plain values."""
        return {"failures": self._looks, "refused": dict(self._refused)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with those counts."""
        self._looks = state["failures"]
        self._refused = Counter(state["refused"])

    def _tell(self, what: str, step: int, error: Exception, *, again: bool) -> None:
        reason = f"{type(error).__name__}: {error}"
        self._watch.complain(
            f"{what} could not measure step {step} ({reason}); the training goes on"
            if again
            else f"{what} failed at step {step} and is switched off ({reason}); "
            "the training goes on",
            key=f"{what} {again}",
        )
        self._write(_failed(what, step, reason))


def _failed(what: str, step: int, reason: str) -> Reading:
    return Reading(
        step=step,
        probe="scope",
        quantity="failed",
        value=1.0,
        layer=what,
        status=Status.SKIPPED,
        function=reason,
    )
