"""How much of the gradient is noise of the batch, from the step's batch and its halves."""

import math
from dataclasses import replace

from landscope.cost import Cost, Work
from landscope.errors import UsageError
from landscope.measures.noise_scale import NoiseScale as Estimate
from landscope.measures.noise_scale import noise_of_halves
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.quantities import NOISE_SCALE
from landscope.reading import Provenance, Reading, Status

DECAY = 0.9
"""Weight of the earlier measurements: about the last ten count."""


class NoiseScale(Probe):
    """Signal and noise of the gradient at each measurement, and the ratio of their averages.

    ``gradient_square`` and ``gradient_variance`` are the estimates of this measurement alone, which
    are unbiased but rough, and may be negative. ``noise_scale`` and ``efficiency`` use the
    exponential averages of both over the measurements, as in the source; if these still have the
    wrong sign, they are NaN and marked as not converged.

    Args:
        schedule: The steps at which it measures.
        decay: Weight of the earlier measurements in the averages, in [0, 1).

    Raises:
        UsageError: The decay is not in that range.
    """

    needs_mean_gradient = True
    quantities = NOISE_SCALE

    def __init__(self, schedule: Schedule, decay: float = DECAY) -> None:
        super().__init__(NOISE_SCALE.probe, schedule)
        if not 0 <= decay < 1:
            raise UsageError(
                f"decay = {decay}",
                "it is the weight of the earlier measurements, from 0 to below 1",
                "leave it out, or give 0 to take each measurement alone",
            )
        self._decay = decay
        self._average: Estimate | None = None

    def cost(self, work: Work) -> Cost:
        """A gradient of each half, which together cost one of the whole batch.

        One more forward pass only if the loss may be a sum over samples.
        """
        del work
        return Cost(forward=1, backward=1)

    def read(self, view: StepView) -> list[Reading]:
        """Five readings."""
        shot = view.snapshot
        if shot is None:
            return []
        try:
            found = noise_of_halves(shot.objective, shot.before, start=(view.loss, shot.gradient))
        except UsageError as error:  # this batch or this loss cannot be halved
            return self._skipped(view, str(error))
        finite = math.isfinite(found.gradient_square + found.gradient_variance)
        average = self._averaged(found) if finite else found
        readings = [
            self.reading(view, NOISE_SCALE.gradient_square, found.gradient_square),
            self.reading(view, NOISE_SCALE.gradient_variance, found.gradient_variance),
            self.reading(view, NOISE_SCALE.batch_size, float(found.batch_size)),
        ]
        what = replace(shot.function, averaged=True) if self._decay else None
        quotients = [
            self.reading(view, NOISE_SCALE.noise_scale, average.noise_scale, function=what),
            self.reading(view, NOISE_SCALE.efficiency, average.efficiency, function=what),
        ]
        if finite and math.isnan(average.noise_scale):
            quotients = [replace(each, status=Status.UNCONVERGED) for each in quotients]
        return readings + quotients

    def _skipped(self, view: StepView, why: str) -> list[Reading]:
        noted = Provenance(note=why)
        return [
            self.reading(view, quantity, math.nan, function=noted, status=Status.SKIPPED)
            for quantity in (NOISE_SCALE.noise_scale, NOISE_SCALE.efficiency)
        ]

    def state_dict(self) -> tuple[int, float, float] | None:
        """The averages over the measurements so far."""
        average = self._average
        if average is None:
            return None
        return average.batch_size, average.gradient_square, average.gradient_variance

    def load_state_dict(self, state: tuple[int, float, float] | None) -> None:
        """Restore them."""
        self._average = None if state is None else Estimate(*state)

    def _averaged(self, found: Estimate) -> Estimate:
        """The averages with one more measurement; early ones are too small by a common factor."""
        old = self._average or Estimate(0, 0.0, 0.0)

        def with_one_more(earlier: float, now: float) -> float:
            return self._decay * earlier + (1 - self._decay) * now

        self._average = Estimate(
            found.batch_size,
            with_one_more(old.gradient_square, found.gradient_square),
            with_one_more(old.gradient_variance, found.gradient_variance),
        )
        return self._average
