"""How the inputs of a network's layers drift, whatever network it is."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from landscope.cost import Cost, Work
from landscope.landscape.activations import activations
from landscope.landscape.batch import samples_of
from landscope.landscape.distribution import by_feature, drift, feature_dimension, moments
from landscope.landscape.layers import execution_order
from landscope.landscape.objective import Objective
from landscope.landscape.parameters import Parameters
from landscope.landscape.random_state import RandomState, devices_of
from landscope.probes.distribution import DRIFTS
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.reading import Reading
from landscope.training.step_view import Snapshot, StepView

_MOST_LAYERS = 12


class InputDrift(Probe):
    """What :class:`~landscope.probes.distribution.Distribution` says of changes and distances.

    The batch of the first look is kept and passed through the network again at each other look,
    so that what moves is the network and not the sample. Where the network is moved to another
    device or type, it begins anew with the batch of that look.

    Of a deep network every few layers are followed, the last included; not the first, whose inputs
    are the data.

    Args:
        schedule: At which steps it looks.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__("input_drift", schedule)
        self._kept: Objective | None = None
        self._whereabouts: set[tuple[torch.device, torch.dtype]] = set()
        self._layers: list[str] = []
        self._start: dict[str, tuple[Tensor, Tensor]] = {}

    def cost(self, work: Work) -> Cost:
        """Two forward passes; at the first look another, which finds the order of the layers."""
        del work
        return Cost(forward=3, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Six readings a layer."""
        shot = view.snapshot
        if shot is None:
            return []
        whereabouts = {(tensor.device, tensor.dtype) for tensor in shot.before.values()}
        if self._kept is None or whereabouts != self._whereabouts:
            self._kept, self._whereabouts = shot.objective, whereabouts
            self._start.clear()
            order = execution_order(shot.objective, shot.before)
            self._layers = _followed([layer.name for layer in order])
        entering = self._inputs(shot.objective, shot.before)
        # After the update noise is drawn afresh, as it is when the network trains on.
        now = RandomState.capture(devices_of(shot.objective.model))
        later = self._inputs(replace(shot.objective, random_state=now), shot.after)
        readings: list[Reading] = []
        for layer, inputs in entering.items():
            dimension = feature_dimension(shot.objective.model.get_submodule(layer))
            before, after = by_feature(inputs, dimension), by_feature(later[layer], dimension)
            moved = drift(before, after, self._start.setdefault(layer, moments(before)))
            readings += [
                self.reading(
                    view,
                    f"input_{name}",
                    getattr(moved, name),
                    unit=unit,
                    layer=layer,
                    function=self._function(shot),
                )
                for name, unit in DRIFTS
            ]
        return readings

    def _inputs(self, objective: Objective, point: Parameters) -> dict[str, Any]:
        kept = self._kept or objective
        at = replace(objective, inputs=kept.inputs, targets=kept.targets)
        entering, _ = activations(at, point, inputs_of=self._layers, outputs_of=())
        # A token's number and what a module is told by keyword are no activations.
        return {name: inputs for name, inputs in entering.items() if inputs.is_floating_point()}

    def _function(self, shot: Snapshot) -> str:
        mode = "training mode" if shot.objective.model.training else "evaluation mode"
        kept = self._kept or shot.objective
        return f"{mode}, the {samples_of((kept.inputs, kept.targets))} samples of the first look"


def _followed(layers: list[str]) -> list[str]:
    """At most so many of the layers behind the first, evenly apart, the last among them."""
    behind = layers[1:]
    if len(behind) <= _MOST_LAYERS:
        return behind
    return [
        behind[(number * len(behind)) // _MOST_LAYERS - 1] for number in range(1, _MOST_LAYERS + 1)
    ]
