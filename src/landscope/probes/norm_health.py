"""The health of the norms at a step: running statistics, scales, modes, and the batch's halves."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from landscope.cost import Cost, Work
from landscope.measures.norm_health import NormGap, health_at
from landscope.measures.norm_health import NormHealth as Health
from landscope.objective.batch_statistics import in_training_mode, keeps_statistics
from landscope.objective.norm_mode import as_trained
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import Snapshot, StepView
from landscope.quantities import NORM_HEALTH, Quantity
from landscope.reading import Provenance, Reading, Status


class NormHealth(Probe):
    """Gaps of running statistics and dead scales of each norm; losses in evaluation mode, halved.

    It measures the function that the step trains, whatever norm mode other probes use.

    These are recorded as 1, and only where they apply: ``evaluation_mode`` for a network that is in
    evaluation mode at the step and depends on the mode, or for a norm with running statistics that
    is in evaluation mode while the network is not; ``statistics_unset`` for a norm in evaluation
    mode that is not frozen and whose statistics are still the initial 0 and 1; and
    ``statistics_still`` for a norm in training mode whose statistics are bit-identical to those of
    the measurement before.
    """

    quantities = NORM_HEALTH

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(NORM_HEALTH.probe, schedule)
        self._statistics: dict[str, Tensor] = {}

    def cost(self, work: Work) -> Cost:
        """A forward pass in evaluation mode; for norms that follow batches two more.

        These are for the batch's statistics, and for the halves.
        """
        return Cost(forward=3 if work.batch_norms else 1, backward=0)

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
                self.reading(view, NORM_HEALTH.dead_scales, dead, layer=layer)
                for layer, dead in found.dead_scales.items()
            ),
            *self._of_modes(view, shot),
        ]

    def _of_modes(self, view: StepView, shot: Snapshot) -> list[Reading]:
        objective = as_trained(shot.objective)
        modules = dict(objective.model.named_modules())
        norms = {name: module for name, module in modules.items() if keeps_statistics(module)}
        if not objective.standing.training:
            depends = bool(norms) or any(map(_drops, modules.values()))
            return [self._mark(view, NORM_HEALTH.evaluation_mode)] if depends else []
        training, readings = in_training_mode(objective), list[Reading]()
        for layer in norms:
            prefix = f"{layer}." if layer else ""
            mean = objective.buffers.get(f"{prefix}running_mean")
            if layer not in training:
                readings.append(self._mark(view, NORM_HEALTH.evaluation_mode, layer))
                own = list(norms[layer].parameters(recurse=False))
                frozen = bool(own) and not any(each.requires_grad for each in own)
                unset = mean is not None and _unset(mean, objective.buffers, prefix)
                if unset and not frozen:
                    readings.append(
                        self.reading(view, NORM_HEALTH.statistics_unset, 1.0, layer=layer)
                    )
            elif mean is not None:
                earlier = self._statistics.get(layer)
                if earlier is not None and torch.equal(earlier, mean):
                    readings.append(
                        self.reading(view, NORM_HEALTH.statistics_still, 1.0, layer=layer)
                    )
                self._statistics[layer] = mean.clone()
        return readings

    def _mark(self, view: StepView, quantity: Quantity, layer: str | None = None) -> Reading:
        return self.reading(view, quantity, 1.0, layer=layer)

    def state_dict(self) -> dict[str, Any]:
        """The running means of the last measurement."""
        return {"statistics": dict(self._statistics)}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Restore them; a checkpoint of an earlier version has none."""
        self._statistics = dict(state["statistics"]) if state else {}

    def _of_losses(self, view: StepView, shot: Snapshot, found: Health) -> list[Reading]:
        trained = shot.data_function
        if as_trained(shot.objective) is not shot.objective:
            trained = trained.noting("norms as they are trained")
        evaluated = trained.noting("the network in evaluation mode")
        readings = [
            self.reading(view, NORM_HEALTH.training_loss, found.training_loss, function=trained),
            self.reading(
                view, NORM_HEALTH.evaluation_loss, found.evaluation_loss, function=evaluated
            ),
            self.reading(
                view, NORM_HEALTH.evaluation_gap, found.evaluation_gap, function=evaluated
            ),
        ]
        if found.gaps:
            halved = trained.noting("each half of the batch with its own statistics")
            gap = self.reading(
                view, NORM_HEALTH.half_batch_gap, found.half_batch_gap, function=halved
            )
            readings.append(_skipped(gap, found.no_halves) if found.no_halves else gap)
        return readings

    def _of_gap(self, view: StepView, gap: NormGap) -> list[Reading]:
        readings = [
            self.reading(view, NORM_HEALTH.mean_gap, gap.mean_gap, layer=gap.layer),
            self.reading(view, NORM_HEALTH.variance_gap, gap.variance_gap, layer=gap.layer),
        ]
        if gap.uses == 1:
            return readings
        return [_skipped(each, f"the norm is used {gap.uses} times in a pass") for each in readings]


def _drops(module: nn.Module) -> bool:
    rate: Any = getattr(module, "p", None) if "Dropout" in type(module).__name__ else None
    return isinstance(rate, float) and rate > 0


def _unset(mean: Tensor, buffers: dict[str, Tensor], prefix: str) -> bool:
    variance = buffers.get(f"{prefix}running_var")
    return not bool(mean.any()) and variance is not None and bool((variance == 1).all())


def _skipped(reading: Reading, reason: str) -> Reading:
    return replace(reading, status=Status.SKIPPED, function=Provenance(note=reason))
