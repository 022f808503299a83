"""A probe without a fault, and a place to plant one."""

import torch

from landscope.cost import Cost, Work
from landscope.objective.parameters import norm
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.reading import Reading
from landscope.testing.probes import ProbeConformance


class Slope(Probe):
    """The norm of the gradient, taken again."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__("slope", schedule)

    def cost(self, work: Work) -> Cost:
        del work
        return Cost(forward=1, backward=1)

    def read(self, view: StepView) -> list[Reading]:
        shot = view.snapshot
        if shot is None:
            return []
        *_, gradient = shot.objective.gradient(shot.before)
        return [self.reading(view, "norm", float(norm(gradient)), unit="loss / parameter")]


class Faulty(Slope):
    """Reads as it should, and then ``fault`` makes of view and readings what it likes."""

    def __init__(self, schedule, fault):
        super().__init__(schedule)
        self._fault = fault

    def read(self, view):
        if view.snapshot is None:
            return []
        readings = super().read(view)
        with torch.no_grad():
            return self._fault(view, readings) or readings


def suite_of(make):
    class Suite(ProbeConformance):
        def build(self, schedule: Schedule) -> Probe:
            return make(schedule)

    return Suite()
