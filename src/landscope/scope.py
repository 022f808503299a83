"""The instrument: probes attached to a training loop, looking when they are due."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from landscope.cost import ProbeCost, Work
from landscope.probes.probe import Probe
from landscope.reading import Reading
from landscope.training.step_view import StepView


class Scope:
    """Attaches probes to a loop that yields views of its steps.

    Args:
        probes: What is measured.
        write: Takes each reading, as a journal's ``write`` does.
    """

    def __init__(self, probes: Sequence[Probe], write: Callable[[Reading], None]) -> None:
        self._probes = tuple(probes)
        self._write = write

    def costs(self, work: Work, steps: int) -> list[ProbeCost]:
        """What each probe will cost over a training, before anything runs.

        Args:
            work: The arithmetic of the network's layers.
            steps: Steps of the training.
        """
        return [probe.cost_over(steps, work) for probe in self._probes]

    def due(self, step: int) -> bool:
        """Whether any probe looks at a step, so that the loop must keep a snapshot of it."""
        return any(probe.schedule.due(step) for probe in self._probes)

    def look(self, view: StepView) -> None:
        """Let every probe that is due read the view, and write what it read with its seconds."""
        for probe in self._probes:
            if not probe.schedule.due(view.step):
                continue
            start = time.perf_counter()
            readings = probe.read(view)
            seconds = time.perf_counter() - start
            for reading in readings:
                self._write(replace(reading, seconds=seconds))
