"""How the inputs of a network's layers drift, for any network."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from landscope.cost import Cost, Work
from landscope.measures.conspicuous import root_mean_square, silent_share, spread
from landscope.measures.distribution import by_feature, drift, feature_dimension, moments
from landscope.objective.activations import activations
from landscope.objective.batch import samples_of
from landscope.objective.batch_statistics import keeps_statistics
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters
from landscope.objective.random_state import RandomState, devices_of
from landscope.probes.distribution import drifts
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import Snapshot, StepView
from landscope.quantities import INPUT_DRIFT
from landscope.reading import Provenance, Reading

_MOST_LAYERS = 12

LARGE = 30.0
"""Root mean square of the first layer's inputs above which it is recorded."""

UNLIKE = 100.0
"""Ratio of the largest to the median feature's magnitude above which it is recorded."""

SILENT = 0.1
"""Share of a layer's inputs that are 0 at every sample, above which it is recorded."""

_FEWEST_SAMPLES = 16  # with fewer samples, a live unit may be 0 at each


@dataclass(frozen=True, eq=False)
class _First:
    """What is kept of the first measurement: its batch, and the layers that are followed."""

    inputs: Any
    targets: Any
    layers: list[str]
    first: str | None = None


class InputDrift(Probe):
    """What :class:`~landscope.probes.distribution.Distribution` says of changes and distances.

    The batch of the first measurement is kept and passed through the network again at each later
    one, so that the network moves and not the sample. If the network is moved to another device or
    type, the probe starts again with the batch of that measurement.

    In a deep network only some layers are followed, evenly spaced, with the last but not the first,
    whose inputs are the data. For the first, only an unusual scale is recorded: ``input_size``, the
    root mean square of all inputs, and ``input_spread``, the ratio of the largest to the median
    feature's magnitude. ``silent_inputs`` is the share of a layer's inputs that are 0 at each
    sample, recorded above a tenth; not behind a batch norm, whose shifts switch many channels off
    in healthy trainings.

    Args:
        schedule: The steps at which it measures.
    """

    quantities = INPUT_DRIFT

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(INPUT_DRIFT.probe, schedule)
        self._first: _First | None = None
        self._whereabouts: set[tuple[torch.device, torch.dtype]] | None = None
        self._start: dict[str, tuple[Tensor, Tensor]] = {}

    def cost(self, work: Work) -> Cost:
        """Two forward passes; at first one more, to find the order of the layers."""
        del work
        return Cost(forward=3, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Six readings for each layer that both passes call with equally many samples."""
        shot = view.snapshot
        if shot is None:
            return []
        whereabouts = {(tensor.device, tensor.dtype) for tensor in shot.before.values()}
        if self._first is None or whereabouts != (self._whereabouts or whereabouts):
            self._start.clear()
            order = execution_order(shot.objective, shot.before)
            # A matrix that the root module holds is not called, and has no inputs.
            modules = dict(shot.objective.model.named_modules())
            layers = _followed([layer.name for layer in order if layer.name in modules])
            begin = next((each.name for each in order if _weighs(modules.get(each.name))), None)
            self._first = _First(
                shot.objective.inputs,
                shot.objective.targets,
                layers,
                begin if order and begin == order[0].name else None,
            )
        first, self._whereabouts = self._first, whereabouts
        entering = _inputs(first, shot.objective, shot.before)
        # After the update noise is drawn again, as when the network trains on.
        now = RandomState.capture(devices_of(shot.objective.model))
        later = _inputs(first, replace(shot.objective, random_state=now), shot.after)
        readings = self._of_data(view, shot, first, entering)
        for layer, inputs in entering.items():
            if layer == first.first:
                continue
            if layer not in later:  # as where a network leaves out layers at random
                continue
            dimension = feature_dimension(shot.objective.model.get_submodule(layer))
            before, after = by_feature(inputs, dimension), by_feature(later[layer], dimension)
            # An expert of a mixture may be given other samples, of which there is no one distance.
            if before.shape != after.shape or not before.numel():
                continue
            if layer not in self._start:
                self._start[layer] = moments(before)
            moved = drift(before, after, self._start[layer])
            readings += [
                self.reading(view, quantity, value, layer=layer, function=_function(first, shot))
                for quantity, value in drifts(INPUT_DRIFT, moved)
            ]
            silent = silent_share(before) if len(inputs) >= _FEWEST_SAMPLES else 0.0
            if silent > SILENT and not _behind_a_norm(shot.objective.model, layer):
                readings.append(
                    self.reading(
                        view,
                        INPUT_DRIFT.silent_inputs,
                        silent,
                        layer=layer,
                        function=_function(first, shot),
                    )
                )
        return readings

    def _of_data(
        self, view: StepView, shot: Snapshot, first: _First, entering: dict[str, Any]
    ) -> list[Reading]:
        """The scale of the first layer's inputs, where it is unusual."""
        inputs = entering.get(first.first or "")
        if inputs is None or not inputs.numel():
            return []
        features = by_feature(
            inputs, feature_dimension(shot.objective.model.get_submodule(str(first.first)))
        )
        sizes = (
            (INPUT_DRIFT.input_size, root_mean_square(features), LARGE),
            (INPUT_DRIFT.input_spread, spread(features), UNLIKE),
        )
        function = _function(first, shot)
        return [
            self.reading(view, quantity, size, layer=first.first, function=function)
            for quantity, size, usual in sizes
            if size > usual
        ]

    def state_dict(self) -> dict[str, Any]:
        """The batch of the first measurement, the layers, and the moments where drift starts."""
        first = self._first
        kept = (
            None
            if first is None
            else (
                first.inputs,
                first.targets,
                first.layers,
                first.first,
            )
        )
        return {"first": kept, "start": dict(self._start)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self._first = None if state["first"] is None else _First(*state["first"])
        self._start = dict(state["start"])


def _inputs(first: _First, objective: Objective, point: Parameters) -> dict[str, Any]:
    at = replace(objective, inputs=first.inputs, targets=first.targets)
    wanted = first.layers if first.first is None else [first.first, *first.layers]
    entering, _ = activations(at, point, inputs_of=wanted, outputs_of=())
    # Token ids and keyword arguments are not activations. A single sample, as an expert of a
    # mixture may get, is not a distribution.
    return {
        name: inputs
        for name, inputs in entering.items()
        if inputs.is_floating_point() and inputs.ndim > 1
    }


def _weighs(module: nn.Module | None) -> bool:
    """Whether a module has a matrix, unlike a norm."""
    if module is None or isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        return False
    return any(p.ndim > 1 for p in module.parameters(recurse=False))


def _behind_a_norm(model: nn.Module, layer: str) -> bool:
    """Whether a norm with running statistics is the last module with parameters before a layer."""
    names = [name for name, _ in model.named_modules()]
    modules = dict(model.named_modules())
    for name in reversed(names[: names.index(layer)]):
        if any(True for _ in modules[name].parameters(recurse=False)):
            return keeps_statistics(modules[name])
    return False


def _function(first: _First, shot: Snapshot) -> Provenance:
    mode = "training" if shot.objective.standing.training else "evaluation"
    samples = samples_of((first.inputs, first.targets), shot.objective.batch_dim)
    return Provenance(mode=mode, batch=f"the {samples} samples of the first look")


def _followed(layers: list[str]) -> list[str]:
    """At most this many of the layers behind the first, evenly spaced, with the last."""
    behind = layers[1:]
    if len(behind) <= _MOST_LAYERS:
        return behind
    return [
        behind[(number * len(behind)) // _MOST_LAYERS - 1] for number in range(1, _MOST_LAYERS + 1)
    ]
