"""Several processes: of those that train together one measures, and one that was forked none."""

import os
from collections.abc import Callable

from landscope.objective.processes import count, rank
from landscope.quantities import SCOPE
from landscope.reading import Provenance, Reading
from landscope.scope.budget import Budget
from landscope.scope.failures import Failures
from landscope.scope.instrument import Instrument


class Processes:
    """What a scope leaves out because other processes train with its own, or were forked from it.

    Args:
        instrument: Of the scope, whose probes are left out.
        failures: Says of each that is left out why.
        budget: Saves up for none of them; None for a fixed cadence.
        write: Takes what is recorded of them.

    Attributes:
        left_out: Ids of the probes that are not measured for that reason.
    """

    def __init__(
        self,
        instrument: Instrument,
        failures: Failures,
        budget: Budget | None,
        write: Callable[[Reading], None],
    ) -> None:
        self.left_out: list[str] = []
        self._instrument = instrument
        self._failures = failures
        self._budget = budget
        self._write = write
        self._own = os.getpid()
        self._count, self._rank = 1, 0

    @property
    def forked(self) -> bool:
        """Whether this is another process than that which made the scope."""
        return os.getpid() != self._own

    @property
    def joined(self) -> bool:
        """Whether others train with this one now, and did not when that was noted last."""
        # It is asked at every batch: a process group may be made while a training runs.
        return self._count == 1 and count() > 1

    @property
    def summary(self) -> str:
        """Which one this is, where it is not the one that measures."""
        return f"process {self._rank} of {self._count}: process 0 measures" if self._rank else ""

    def note(self, step: int) -> None:
        """Of several processes one measures, and not what needs the gradient over all of them.

        Args:
            step: Number of the coming step.
        """
        if not self.joined:
            return
        self._count, self._rank = count(), rank()
        if self._rank > 0:
            self.left_out = self._instrument.switch_off()
            return
        self.left_out = self._instrument.leave_out_what_needs_the_mean()
        for probe in self.left_out:
            self._failures.of_processes(probe, step, self._count)
            if self._budget is not None:
                self._budget.leave_out(probe)
        function = Provenance(note="processes that train together, of which this one measures")
        value = float(self._count)
        self._write(SCOPE.processes.at(step, value, function=function))

    def stay_out(self) -> None:
        """In a process that was forked: the record is that of the other."""
        self._instrument.switch_off()
        self._failures.complaints.once(
            f"this process was forked from process {self._own}, which made the scope: nothing "
            "is measured here; make a new Scope, with a folder of its own, to measure here too"
        )
