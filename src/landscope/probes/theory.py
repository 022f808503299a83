"""Theorems 4.1 and 4.2 of the paper at every batch norm, both sides, and the removed fraction."""

from landscope.cost import Cost, Work
from landscope.measures.batch_norm_theory import theory_of_norms
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.quantities import THEORY
from landscope.reading import Axis, Reading


class Theory(Probe):
    """Both sides of both theorems.

    Args:
        schedule: The steps at which it measures.
        units: Units of each norm at which Theorem 4.2 is measured.
    """

    quantities = THEORY

    def __init__(self, schedule: Schedule, units: int) -> None:
        super().__init__(THEORY.probe, schedule)
        self._units = units

    def cost(self, work: Work) -> Cost:
        """One pass; then for each norm a quarter of a backward pass, and 3/2 for each unit.

        A backward pass to the inputs of a norm takes no gradients of weights, half of the whole,
        and goes halfway down on the average, where late layers cost no more than early ones. Each
        unit takes two that are differentiated twice; convolutions make that 3/2, matrices 1.
        """
        return Cost(forward=1, backward=len(work.behind) * (1 / 4 + 3 / 2 * self._units))

    def read(self, view: StepView) -> list[Reading]:
        """Five lists for each batch norm."""
        shot = view.snapshot
        if shot is None:
            return []
        readings: list[Reading] = []
        for norm in theory_of_norms(shot.objective, shot.before, units=self._units):
            everywhere = Axis("unit", "1", tuple(map(float, range(len(norm.lipschitz_left)))))
            chosen = Axis("unit", "1", tuple(map(float, norm.units)))
            for quantity, value, axis in (
                (THEORY.theorem_4_1_left, norm.lipschitz_left, everywhere),
                (THEORY.theorem_4_1_right, norm.lipschitz_right, everywhere),
                (THEORY.removed_fraction, norm.removed_fraction, everywhere),
                (THEORY.theorem_4_2_left, norm.curvature_left, chosen),
                (THEORY.theorem_4_2_right, norm.curvature_right, chosen),
            ):
                readings.append(
                    self.reading(
                        view,
                        quantity,
                        value,
                        layer=norm.layer,
                        axis=axis,
                        # No penalty reaches a norm's inputs: both sides are about the data alone.
                        function=shot.data_function,
                    )
                )
        return readings
