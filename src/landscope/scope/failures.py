"""Failures of measuring: they are reported, and retried less often the longer they last.

Most failures are due to one batch or one step: the loss does not accept half a batch, the device
has no memory left, or a batch cannot be copied. These pass, so nothing is switched off because of
them.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from landscope.errors import LandscopeError, UsageError
from landscope.quantities import SCOPE, Quantity
from landscope.reading import Provenance, Reading, Status
from landscope.scope.warn import Complaints

_TRIES = 3  # consecutive failures before a measurement is tried less often
_LONGEST = 10  # log2 of the largest number of times that it is left out


@dataclass
class _Row:
    """Consecutive failures of one probe, or of everything before a probe reads.

    Args:
        failures: How many there are.
        kind: Type of the last error.
        alike: How many of the last failures had an error of that type.
        rest: How many more times it is left out.
        read: Whether it has ever read.
    """

    failures: int = 0
    kind: str = ""
    alike: int = 0
    rest: int = 0
    read: bool = False

    def add(self, error: Exception) -> None:
        """Count a failure; from the third on, the number of times left out doubles."""
        kind = type(error).__name__
        self.alike = self.alike + 1 if kind == self.kind else 1
        self.kind = kind
        self.failures += 1
        beyond = self.failures - _TRIES
        self.rest = 2 ** min(beyond, _LONGEST) if beyond >= 0 else 0


class Failures:
    """Counts and reports the failures of measurements and probes.

    Args:
        complaints: Warns the user.
        write: Takes the readings that record them.
    """

    def __init__(self, complaints: Complaints, write: Callable[[Reading], None]) -> None:
        self.complaints = complaints
        self._write = write
        self._rows: dict[str, _Row] = {}
        self._now: set[str] = set()  # probes that failed in the measurement that is being taken

    def of_measurement(self, step: int, error: Exception) -> None:
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
            own: Whether it is the user's own. Such a probe has a bug if it has never read and
                always raises the same error.
        """
        self._now.add(probe)
        row = self._row(probe)
        row.add(error)
        passing = isinstance(error, (LandscopeError, torch.OutOfMemoryError, MemoryError))
        again = passing or row.read or not own or row.alike < _TRIES
        self._tell(probe, step, error, again=again)
        return again

    def of_processes(self, probe: str, step: int, processes: int) -> None:
        """Leave a probe out, because several processes train together."""
        error = UsageError(
            f"{probe} in a training of {processes} processes",
            "the update uses the gradient over the batches of all processes, and this process has "
            "only its own",
            "measure it in a training of one process",
        )
        self._write(_skipped(SCOPE.left_out, probe, step, str(error)))

    def of_reading(self, probe: str, step: int, error: Exception) -> None:
        """A probe gave something that is not a reading; its other readings are written."""
        self.complaints.once(
            f"{probe} gave a reading at step {step} that is left out ({error}); its others are "
            "kept",
            key=f"{probe} reading",
        )
        self._write(_skipped(SCOPE.failed, probe, step, f"{type(error).__name__}: {error}"))

    def sits_out(self, what: str) -> bool:
        """Whether a probe, or ``"scope"`` for all of them, is left out this time."""
        row = self._rows.get(what)
        if row is None or row.rest == 0:
            return False
        row.rest -= 1
        return True

    @property
    def now(self) -> frozenset[str]:
        """The probes that failed in the measurement that is under way."""
        return frozenset(self._now - {"scope"})

    def measured(self, probes: Iterable[str]) -> None:
        """Note the probes of a measurement; those that did not fail start from zero failures."""
        for probe in {"scope", *probes} - self._now:
            self._rows[probe] = _Row(read=True)
        self._now.clear()

    def state_dict(self) -> dict[str, Any]:
        """The counts, as plain values."""
        return {"failures": {name: asdict(row) for name, row in self._rows.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore those counts; those of an earlier version are ignored."""
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
