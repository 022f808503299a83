"""What could not be measured: it is told of and tried again, less often the longer it fails.

Most of what fails does so because of this batch or this step: halves that the loss does not take, a
device without memory left, a batch that cannot be copied. It passes, so nothing is given up for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from landscope.errors import LandscopeError, UsageError
from landscope.quantities import SCOPE, Quantity
from landscope.reading import Provenance, Reading, Status
from landscope.scope.warn import Complaints

_TRIES = 3  # times in a row that a measurement fails before it is tried less often
_LONGEST = 10  # it sits out at most two to the power of this many times


@dataclass
class _Row:
    """Failures in a row of one probe, or of all that happens before a probe reads.

    Args:
        failures: How many there are.
        kind: The type of the last one's error.
        alike: How many of the last ones had an error of that type.
        rest: How many times it is still to sit out.
        read: Whether it has ever read.
    """

    failures: int = 0
    kind: str = ""
    alike: int = 0
    rest: int = 0
    read: bool = False

    def add(self, error: Exception) -> None:
        """One more; from the third on, twice as many times are sat out after each."""
        kind = type(error).__name__
        self.alike = self.alike + 1 if kind == self.kind else 1
        self.kind = kind
        self.failures += 1
        beyond = self.failures - _TRIES
        self.rest = 2 ** min(beyond, _LONGEST) if beyond >= 0 else 0


class Failures:
    """Counts the failures of measurements and probes, and tells of each.

    Args:
        complaints: Warns the user.
        write: Takes what is recorded of them.
    """

    def __init__(self, complaints: Complaints, write: Callable[[Reading], None]) -> None:
        self.complaints = complaints
        self._write = write
        self._rows: dict[str, _Row] = {}
        self._now: set[str] = set()  # probes that failed in the measurement that is being taken

    def of_look(self, step: int, error: Exception) -> None:
        """A measurement failed before a probe could read."""
        self._now.clear()
        self._row("scope").add(error)
        self._tell("scope", step, error, again=True)

    def of_probe(self, probe: str, step: int, error: Exception, *, own: bool) -> bool:
        """A probe raised; whether it may measure again.

        Args:
            probe: Its id.
            step: The step.
            error: What it raised.
            own: Whether it is one of the user's own. That has a mistake in it where it has never
                read, and raises the same each time.
        """
        self._now.add(probe)
        row = self._row(probe)
        row.add(error)
        passing = isinstance(error, (LandscopeError, torch.OutOfMemoryError, MemoryError))
        again = passing or row.read or not own or row.alike < _TRIES
        self._tell(probe, step, error, again=again)
        return again

    def of_processes(self, probe: str, step: int, processes: int) -> None:
        """A probe is left out, because several processes train together."""
        error = UsageError(
            f"{probe} in a training of {processes} processes",
            "the update is made of the gradient over the batches of all, and this process has one",
            "measure it in a training of one process",
        )
        self._write(_skipped(SCOPE.left_out, probe, step, str(error)))

    def of_reading(self, probe: str, step: int, error: Exception) -> None:
        """A probe gave something that is no reading; its others are written."""
        self.complaints.once(
            f"{probe} gave a reading at step {step} that is left out ({error}); its others are "
            "kept",
            key=f"{probe} reading",
        )
        self._write(_skipped(SCOPE.failed, probe, step, f"{type(error).__name__}: {error}"))

    def sits_out(self, what: str) -> bool:
        """Whether a probe, or ``"scope"`` for all of them, is not to be tried now."""
        row = self._rows.get(what)
        if row is None or row.rest == 0:
            return False
        row.rest -= 1
        return True

    @property
    def now(self) -> frozenset[str]:
        """The probes that failed in the measurement that is under way."""
        return frozenset(self._now - {"scope"})

    def looked(self, probes: Iterable[str]) -> None:
        """A measurement has been taken by these probes; what did not fail in it begins afresh."""
        for probe in {"scope", *probes} - self._now:
            self._rows[probe] = _Row(read=True)
        self._now.clear()

    def state_dict(self) -> dict[str, Any]:
        """The counts, as plain values."""
        return {"failures": {name: asdict(row) for name, row in self._rows.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with those counts; those of an earlier version are left out."""
        rows: Any = state["failures"]
        self._rows = {n: _Row(**row) for n, row in rows.items()} if isinstance(rows, dict) else {}

    def _row(self, what: str) -> _Row:
        return self._rows.setdefault(what, _Row())

    def _tell(self, what: str, step: int, error: Exception, *, again: bool) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.complaints.once(
            f"{what} could not measure step {step} ({reason}); it is tried again, and the "
            "training goes on"
            if again
            else f"{what} failed at step {step} and is switched off ({reason}); "
            "the training goes on",
            key=f"{what} {again}",
        )
        self._write(_skipped(SCOPE.failed, what, step, reason))


def _skipped(quantity: Quantity, what: str, step: int, reason: str) -> Reading:
    why = Provenance(note=reason)
    return quantity.at(step, 1.0, layer=what, status=Status.SKIPPED, function=why)
