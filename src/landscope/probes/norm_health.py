"""The health of the norms at a step: running statistics, scales, modes, and the batch's halves."""

from dataclasses import replace

from landscope.cost import Cost, Work
from landscope.landscape.norm_health import NormGap, health_at
from landscope.landscape.norm_health import NormHealth as Health
from landscope.landscape.norm_mode import as_trained
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.reading import Reading, Status
from landscope.training.step_view import Snapshot, StepView


class NormHealth(Probe):
    """Gaps of running statistics and dead scales of each norm; losses in evaluation mode, halved.

    It looks at the function that the step trains, in whatever mode norms are measured otherwise.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__("norm_health", schedule)

    def cost(self, work: Work) -> Cost:
        """Forward passes for the batch's statistics, in evaluation mode, and of the halves.

        Without norms that follow batches there is only the second.
        """
        del work
        return Cost(forward=3, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Three readings, one more where norms follow batches, and up to three a norm."""
        shot = view.snapshot
        if shot is None:
            return []
        found = health_at(shot.objective, shot.before, view.data_loss)
        return [
            *self._of_losses(view, shot, found),
            *(reading for gap in found.gaps for reading in self._of_gap(view, gap)),
            *(
                self.reading(view, "dead_scales", dead, layer=layer)
                for layer, dead in found.dead_scales.items()
            ),
        ]

    def _of_losses(self, view: StepView, shot: Snapshot, found: Health) -> list[Reading]:
        trained = shot.data_function
        if as_trained(shot.objective) is not shot.objective:
            trained = f"{trained}; norms as they are trained"
        evaluated = f"{trained}; the network in evaluation mode"
        readings = [
            self.reading(view, "training_loss", found.training_loss, unit="loss", function=trained),
            self.reading(
                view, "evaluation_loss", found.evaluation_loss, unit="loss", function=evaluated
            ),
            self.reading(view, "evaluation_gap", found.evaluation_gap, function=evaluated),
        ]
        if found.gaps:
            halved = f"{trained}; each half of the batch with its own statistics"
            gap = self.reading(view, "half_batch_gap", found.half_batch_gap, function=halved)
            readings.append(_skipped(gap, found.no_halves) if found.no_halves else gap)
        return readings

    def _of_gap(self, view: StepView, gap: NormGap) -> list[Reading]:
        readings = [
            self.reading(view, "mean_gap", gap.mean_gap, layer=gap.layer),
            self.reading(view, "variance_gap", gap.variance_gap, layer=gap.layer),
        ]
        if gap.uses == 1:
            return readings
        return [_skipped(each, f"the norm is used {gap.uses} times in a pass") for each in readings]


def _skipped(reading: Reading, reason: str) -> Reading:
    return replace(reading, status=Status.SKIPPED, function=reason)
