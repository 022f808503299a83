"""Covariate shift of every layer under the network's own update: Definition 2.1 of the paper."""

from landscope.cost import Cost, Work
from landscope.measures.covariate_shift import shift_of_layers, spread
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule, WhenPlanned
from landscope.probes.snapshot import StepView
from landscope.quantities import COVARIATE_SHIFT
from landscope.reading import Reading

_MOST = 6  # layers that a measurement within a budget follows


class CovariateShift(Probe):
    """``||G_i - G'_i||`` for each layer, over ``||G_i||``, and the cosine of the two.

    Under a budget of time it follows six layers, evenly spaced, the last among them.
    """

    quantities = COVARIATE_SHIFT

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(COVARIATE_SHIFT.probe, schedule)
        # Of many layers it takes as long as all other probes together. So where a budget plans the
        # measurements, it follows a few, and where the user does, all.
        self._most = _MOST if isinstance(schedule, WhenPlanned) else None

    def cost(self, work: Work) -> Cost:
        """One pass with all layers moved, and what lies behind each layer but the first."""
        positions = spread(list(range(len(work.behind))), self._most)
        return Cost(forward=1 + sum(work.behind[position] for position in positions), backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Four readings a layer."""
        shot = view.snapshot
        if shot is None:
            return []
        shifts = shift_of_layers(
            shot.objective, shot.before, shot.after, gradient=shot.gradient, most=self._most
        )
        readings: list[Reading] = []
        for shift in shifts:
            readings += [
                self.reading(view, quantity, value, layer=shift.layer)
                for quantity, value in (
                    (COVARIATE_SHIFT.shift_l2, shift.l2),
                    (COVARIATE_SHIFT.shift_relative, shift.relative),
                    (COVARIATE_SHIFT.shift_cosine, shift.cosine),
                    (COVARIATE_SHIFT.gradient_norm, shift.gradient_norm),
                )
            ]
        return readings
