"""The distribution of chosen layers' inputs, and how it moves: figures 1, 2, 6, 8 and 9.

It is compared on a fixed set of training inputs, so that the network moves and not the sample, in
training mode with the batch statistics of that set. Within a step, from t to t + 1, noise is drawn
again, as when the network trains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from landscope.cost import Cost, Work
from landscope.measures.distribution import (
    Drift,
    by_feature,
    drift,
    feature_dimension,
    histogram,
    moments,
)
from landscope.objective.activations import activations
from landscope.objective.objective import Objective
from landscope.objective.random_state import RandomState, devices_of
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import Snapshot, StepView
from landscope.quantities import DISTRIBUTION, Drifts, Quantity
from landscope.reading import Axis, Provenance, Reading


def drifts(of: Drifts, moved: Drift) -> list[tuple[Quantity, float]]:
    """The quantities that record a drift."""
    return [
        (of.input_mean_change, moved.mean_change),
        (of.input_variance_change, moved.variance_change),
        (of.input_mean_change_since_start, moved.mean_change_since_start),
        (of.input_variance_change_since_start, moved.variance_change_since_start),
        (of.input_wasserstein, moved.wasserstein),
        (of.input_wasserstein_relative, moved.wasserstein_relative),
    ]


@dataclass(frozen=True)
class Watched:
    """A layer whose inputs are watched.

    Args:
        layer: Name of the weight-bearing module; its inputs are what the definition is about.
        activation: Name of the module whose output enters the layer's non-linearity; one of its
            features is drawn as a histogram.
    """

    layer: str
    activation: str


class Distribution(Probe):
    """Moments, their changes, Wasserstein-1 distance, and the histogram of one random feature.

    Args:
        schedule: The steps at which it measures.
        watched: The layers.
        inputs: The fixed inputs, ready for the network, on its device.
        bins: Bins of a histogram.
        seed: Chooses the features that are drawn.
    """

    quantities = DISTRIBUTION

    def __init__(
        self, schedule: Schedule, watched: Sequence[Watched], inputs: Tensor, bins: int, seed: int
    ) -> None:
        super().__init__(DISTRIBUTION.probe, schedule)
        self._watched = tuple(watched)
        self._inputs = inputs
        self._bins = bins
        self._seed = seed
        self._start: dict[str, tuple[Tensor, Tensor]] = {}

    def cost(self, work: Work) -> Cost:
        """Two forward passes over the fixed inputs, which may be more or fewer than a batch."""
        return Cost(forward=2 * len(self._inputs) / work.samples, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Nine readings a layer."""
        shot = view.snapshot
        if shot is None:
            return []
        entering, leaving = self._activations(shot.objective, shot.before)
        later, _ = self._activations(self._afterwards(shot), shot.after)
        readings: list[Reading] = []
        for number, watched in enumerate(self._watched):
            before, after = (
                by_feature(inputs[watched.layer], self._dimension(shot, watched))
                for inputs in (entering, later)
            )
            moved = drift(before, after, self._start.setdefault(watched.layer, moments(before)))
            readings += [
                self.reading(view, quantity, value, layer=watched.layer)
                for quantity, value in drifts(DISTRIBUTION, moved)
            ]
            readings += self._moments(view, watched.layer, before)
            readings.append(self._histogram(view, watched, number, leaving[watched.activation]))
        return [replace(reading, function=self._function(shot)) for reading in readings]

    def state_dict(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and variance of each layer's inputs at the first measurement, the start of drift."""
        return dict(self._start)

    def load_state_dict(self, state: dict[str, tuple[Tensor, Tensor]]) -> None:
        """Restore them."""
        self._start = {
            layer: (mean.to(self._inputs.device), variance.to(self._inputs.device))
            for layer, (mean, variance) in state.items()
        }

    def _activations(self, objective: Objective, point: dict[str, Tensor]) -> Any:
        return activations(
            replace(objective, inputs=self._inputs),
            point,
            inputs_of=[watched.layer for watched in self._watched],
            outputs_of=[watched.activation for watched in self._watched],
        )

    def _afterwards(self, shot: Snapshot) -> Objective:
        # The random streams are where the next training step will find them, so its noise is fresh.
        now = RandomState.capture(devices_of(shot.objective.model))
        return replace(shot.objective, random_state=now)

    def _moments(self, view: StepView, layer: str, before: Tensor) -> list[Reading]:
        mean, variance = (tuple(moment.tolist()) for moment in moments(before))
        axis = Axis("feature", "1", tuple(map(float, range(len(mean)))))
        return [
            self.reading(view, DISTRIBUTION.input_mean, mean, layer=layer, axis=axis),
            self.reading(view, DISTRIBUTION.input_variance, variance, layer=layer, axis=axis),
        ]

    def _histogram(self, view: StepView, watched: Watched, number: int, output: Tensor) -> Reading:
        shot = view.snapshot
        samples = by_feature(output, self._dimension(shot, watched) if shot else 1)
        stream = torch.Generator().manual_seed(self._seed + number)
        feature = int(torch.randint(samples.shape[1], (), generator=stream))
        density, edges = histogram(samples[:, feature], self._bins)
        return self.reading(
            view,
            DISTRIBUTION.activation_histogram,
            tuple(density),
            layer=watched.layer,
            axis=Axis("activation", "activation", tuple(edges)),
        )

    def _dimension(self, shot: Snapshot, watched: Watched) -> int:
        return feature_dimension(shot.objective.model.get_submodule(watched.layer))

    def _function(self, shot: Snapshot) -> Provenance:
        mode = "training" if shot.objective.model.training else "evaluation"
        return Provenance(mode=mode, batch=f"the {len(self._inputs)} fixed inputs")
