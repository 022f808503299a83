"""The noise floor of the step's gradient: how much mixed precision and chance change it."""

import math
from dataclasses import replace

from landscope.cost import Cost, Work
from landscope.measures.noise_floor import NoiseFloor as Floor
from landscope.measures.noise_floor import noise_of_gradient
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.quantities import NOISE_FLOOR
from landscope.reading import Provenance, Reading, Status

_REDUCED = Provenance(
    note="the weights are of a reduced type: there is no gradient in full precision"
)
_OF_ROUNDING = (NOISE_FLOOR.rounding_l2.name, NOISE_FLOOR.rounding_relative.name)


class NoiseFloor(Probe):
    """``||g - g'||`` with g' taken again, and with g' in full precision, and both over ``||g||``.

    Use it beside every other probe of a training under autocast: a shift or a change of the
    gradient that is not well above it is not resolved.
    """

    quantities = NOISE_FLOOR

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(NOISE_FLOOR.probe, schedule)

    def cost(self, work: Work) -> Cost:
        """Two gradients, and a forward pass for the order of the layers.

        Without autocast there is nothing to compare with, so one gradient less.
        """
        del work
        return Cost(forward=3, backward=2)

    def read(self, view: StepView) -> list[Reading]:
        """Five readings of the whole network, and five a layer."""
        shot = view.snapshot
        if shot is None:
            return []
        floor = noise_of_gradient(shot.objective, shot.before, shot.gradient)
        readings = self._readings(view, floor, None)
        for layer in floor.layers:
            readings += self._readings(view, Floor((layer,)), layer.layer)
        return readings

    def _readings(self, view: StepView, floor: Floor, layer: str | None) -> list[Reading]:
        norm = floor.gradient_norm
        found = [
            self.reading(view, quantity, value, layer=layer)
            for quantity, value in (
                (NOISE_FLOOR.repeat_l2, floor.repeat),
                (NOISE_FLOOR.repeat_relative, floor.repeat / norm if norm else math.nan),
                (NOISE_FLOOR.rounding_l2, floor.rounding),
                (NOISE_FLOOR.rounding_relative, floor.rounding / norm if norm else math.nan),
                (NOISE_FLOOR.gradient_norm, norm),
            )
        ]
        if not math.isnan(floor.rounding) or math.isnan(norm):
            return found
        return [
            replace(each, status=Status.SKIPPED, function=_REDUCED)
            if each.quantity in _OF_ROUNDING
            else each
            for each in found
        ]
