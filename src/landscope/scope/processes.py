"""Several processes: only one of those that train together measures, and a forked one does not."""

import os
from collections.abc import Callable

from landscope.objective.processes import count, rank
from landscope.quantities import SCOPE
from landscope.reading import Provenance, Reading
from landscope.scope.budget import Budget
from landscope.scope.failures import Failures
from landscope.scope.instrument import Instrument


class Processes:
    """What a scope leaves out if several processes train together, or if it was forked.

    Args:
        instrument: The scope's instrument, whose probes are left out.
        failures: Records why each probe is left out.
        budget: Stops saving up for them; None for a fixed cadence.
        write: Takes the readings that record this.

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
        """Whether this process was forked from the one that made the scope."""
        return os.getpid() != self._own

    @property
    def joined(self) -> bool:
        """Whether other processes have joined the training since this was last noted."""
        # Checked at every batch: a process group may be made while a training runs.
        return self._count == 1 and count() > 1

    @property
    def summary(self) -> str:
        """Which process this is, if it is not the one that measures."""
        return f"process {self._rank} of {self._count}: process 0 measures" if self._rank else ""

    def note(self, step: int) -> None:
        """Let one of several processes measure, without what needs the gradient over all of them.

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
        """Measure nothing in a forked process: the record belongs to its parent."""
        self._instrument.switch_off()
        self._failures.complaints.once(
            f"this process was forked from process {self._own}, which made the scope: nothing "
            "is measured here; make a new Scope, with a folder of its own, to measure here too"
        )
