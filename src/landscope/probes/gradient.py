"""The gradient of the step: its norm, and whether the optimiser used it."""

import math
from typing import Any

from torch import Tensor

from landscope.cost import Cost, Work
from landscope.measures.comparison import Comparison, compared
from landscope.measures.conspicuous import by_layer, gradient_shares, largest_class
from landscope.objective.parameters import Parameters, norm, wide
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView, TrainedGradients
from landscope.quantities import GRADIENT, Quantity
from landscope.reading import Reading

PARALLEL = 0.99
"""Cosine above which two gradients have the same direction: rounding is the only difference, and
even a relative error of a tenth, far more than low precision causes, leaves it at 0.995."""

FAINT = 1e-4
"""Share of the others' gradient below which that of a layer is recorded."""

UNIFORM = 0.95
"""Share of one class among the labels above which it is recorded."""

_FEWEST_LABELS = 8  # with fewer labels, one class may be chance


class Gradient(Probe):
    """Loss and gradient norm, and how the gradient compares with those of the training itself.

    ``agreement`` and ``gradient_scale`` compare the measured gradient with the one that the
    training's backward pass computed: the cosine and the ratio of the norms are 1 if the measured
    loss is the one being trained. ``used_cosine`` and ``used_scale`` compare the latter with what
    the optimiser found in ``.grad``: clipping changes the second but not the first. All cover only
    the parameters in the optimisers. The backward pass of compiled code is not observed; the
    measured gradient is used in its place.

    Rare cases are recorded only where they occur: ``gradient_share`` of a layer whose gradient is
    less than 1e-4 of the others', ``unowned`` of a layer with parameters that are in no optimiser
    and have not moved since the first measurement (their share of its entries), and
    ``largest_class`` with ``largest_class_number`` of a batch with almost no other class.
    """

    quantities = GRADIENT

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(GRADIENT.probe, schedule)
        self._unowned: dict[str, float] = {}

    def cost(self, work: Work) -> Cost:
        """Nothing: the gradient is computed once for all probes of a measurement."""
        del work
        return Cost(forward=0, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Two readings, and more if the training's own gradients are known."""
        shot = view.snapshot
        if shot is None:
            return []
        readings = [
            self.reading(view, GRADIENT.loss, float(view.loss)),
            self.reading(view, GRADIENT.gradient_norm, float(norm(shot.gradient))),
        ]
        if shot.trained is not None:
            readings += self._of_training(view, shot.gradient, shot.trained)
            readings += self._of_unowned(view, shot.before, shot.trained)
        readings += self._of_layers(view, shot.gradient, shot.trained)
        found = largest_class(shot.objective.inputs, shot.objective.targets, _FEWEST_LABELS)
        if found is not None and found[0] >= UNIFORM:
            readings.append(self.reading(view, GRADIENT.largest_class, found[0]))
            readings.append(self.reading(view, GRADIENT.largest_class_number, float(found[1])))
        return readings

    def _of_layers(
        self, view: StepView, measured: Parameters, trained: TrainedGradients | None
    ) -> list[Reading]:
        """Layers that the gradient hardly reaches, of those that the optimisers have."""
        used = trained.used or trained.computed if trained is not None else None
        gradient = {name: g for name, g in measured.items() if used is None or name in used}
        if not view.loss:  # the training has ended: nothing has a gradient
            return []
        # Parameters that another loss trains have a gradient of that loss.
        elsewhere = gradient_shares(used) if used else {}
        return [
            self.reading(view, GRADIENT.gradient_share, share, layer=layer)
            for layer, share in gradient_shares(gradient).items()
            if share < FAINT and elsewhere.get(layer, 0.0) < FAINT
        ]

    def _of_unowned(
        self, view: StepView, before: Parameters, trained: TrainedGradients
    ) -> list[Reading]:
        """Layers with parameters that no optimiser has, unless something else moves them."""
        # For updates by hand it is unknown how they are computed.
        if trained.computed is None or (trained.used is None and trained.batches == 1):
            return []
        readings: list[Reading] = []
        for layer, names in by_layer(before).items():
            unowned = [name for name in names if name not in trained.computed]
            still = [name for name in unowned if self._is_where_it_was(name, before[name])]
            if still:
                part = sum(before[name].numel() for name in still)
                share = part / max(1, sum(before[name].numel() for name in names))
                readings.append(self.reading(view, GRADIENT.unowned, share, layer=layer))
        return readings

    def _is_where_it_was(self, name: str, tensor: Tensor) -> bool:
        total = float(wide(tensor).sum())
        return self._unowned.setdefault(name, total) == total

    def state_dict(self) -> dict[str, Any]:
        """The sums of the parameters that no optimiser has, at the first measurement."""
        return {"unowned": dict(self._unowned)}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Restore them; a checkpoint of an earlier version has none."""
        self._unowned = dict(state["unowned"]) if state else {}

    def _of_training(
        self, view: StepView, measured: Parameters, trained: TrainedGradients
    ) -> list[Reading]:
        computed, used = trained.computed, trained.used
        found: list[tuple[Quantity, float]] = []
        reference = _closest(measured, [g for g in (computed, used) if g is not None])
        if reference is not None:
            both = _against(measured, reference)
            found.append((GRADIENT.agreement, both.cosine))
            if computed is not None:
                found.append((GRADIENT.gradient_scale, _quotient(both)))
            # A loop may divide the loss of each of several batches by their number.
            if trained.batches > 1:
                found.append((GRADIENT.batches, float(trained.batches)))
        if used is not None:
            found.append((GRADIENT.used_gradient_norm, float(norm(used))))
            whole = computed if computed is not None and reference is computed else measured
            before = _against(whole, used)
            found.append((GRADIENT.used_cosine, before.cosine))
            found.append((GRADIENT.used_scale, _quotient(before)))
            if computed is not None:
                found.append((GRADIENT.backward_passes, float(trained.passes)))
                found.append((GRADIENT.left_over, float(trained.adds_up)))
        return [self.reading(view, quantity, value) for quantity, value in found]


def _closest(measured: Parameters, gradients: list[Parameters]) -> Parameters | None:
    """The first of some gradients that has the direction of the measured one, or comes closest.

    Where a block has several backward passes, the first may be a part of the loss, and their sum
    the gradient of the whole.
    """
    best, most = None, -math.inf
    for gradient in gradients:
        cosine = _against(measured, gradient).cosine
        if best is None or cosine > most:
            best, most = gradient, cosine
        if most >= PARALLEL:
            break
    return best


def _against(first: Parameters, second: Parameters) -> Comparison:
    """Two gradients compared over the parameters of the second."""
    return compared({name: first[name] for name in second}, second)


def _quotient(both: Comparison) -> float:
    return both.second / both.first if both.first else math.nan
