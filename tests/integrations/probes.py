"""Probes for tests, one that fails and one that says what it was shown; and a writer."""

from landscope.cost import Cost
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps


class Failing(Probe):
    """Raises whenever it is asked; after three times nobody asks it again."""

    def __init__(self):
        super().__init__("failing", EverySteps(1))

    def cost(self, work):
        del work
        return Cost(0, 0)

    def read(self, view):
        del view
        raise OSError("the instrument broke")


class Shown(Probe):
    """Reads the loss at each update, its batch in words, and the learning rate."""

    def __init__(self):
        super().__init__("shown", EverySteps(1))

    def cost(self, work):
        del work
        return Cost(1, 1)

    def read(self, view):
        again = view.snapshot.objective.data_loss(view.snapshot.before)
        norm = sum(float(g.square().sum()) for g in view.snapshot.gradient.values()) ** 0.5
        return [
            self.reading(view, "loss", view.loss.item()),
            self.reading(view, "again", again.item()),
            self.reading(view, "lr", view.lr),
            self.reading(view, "gradient_norm", norm),
        ]


class Notes:
    """A writer that says whether it was closed."""

    def __init__(self):
        self.readings, self.closed = [], 0

    def write(self, reading):
        self.readings.append(reading)

    def close(self):
        self.closed += 1


def values(scope, probe, quantity):
    """The values of one quantity, in the order of the steps."""
    return [r.value for r in scope.readings if (r.probe, r.quantity) == (probe, quantity)]
