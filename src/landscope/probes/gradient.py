"""The gradient of the step: how long it is, and whether it is the one that the optimiser used."""

import math

from landscope.cost import Cost, Work
from landscope.landscape.comparison import Comparison, compared
from landscope.landscape.parameters import Parameters, norm
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.reading import Reading
from landscope.training.step_view import StepView, TrainedGradients

PARALLEL = 0.99
"""Cosine from which on two gradients have one direction: they differ by rounding alone, and even a
relative error of a tenth, far more than low precision makes, leaves it at 0.995."""

_SLOPE = "loss / parameter"


class Gradient(Probe):
    """Loss and gradient norm, and how the gradient compares with those of the training itself.

    ``agreement`` and ``gradient_scale`` compare the measured gradient with the one that the
    training's backward pass gave: cosine and quotient of the lengths are 1 where the loss that is
    measured is the loss that is trained. ``used_cosine`` and ``used_scale`` compare that one with
    what the optimiser found in ``.grad``: clipping changes the second and not the first. All are
    over the parameters that the optimisers have. The backward pass of compiled code is not seen;
    the measured gradient stands for what it gave.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__("gradient", schedule)

    def cost(self, work: Work) -> Cost:
        """Nothing: the gradient is taken once for all probes of a look."""
        del work
        return Cost(forward=0, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Two readings, and more where it is known what the training computed and used."""
        shot = view.snapshot
        if shot is None:
            return []
        readings = [
            self.reading(view, "loss", float(view.loss), unit="loss"),
            self.reading(view, "gradient_norm", float(norm(shot.gradient)), unit=_SLOPE),
        ]
        if shot.trained is not None:
            readings += self._of_training(view, shot.gradient, shot.trained)
        return readings

    def _of_training(
        self, view: StepView, measured: Parameters, trained: TrainedGradients
    ) -> list[Reading]:
        computed, used = trained.computed, trained.used
        found: list[tuple[str, float, str]] = []
        reference = _closest(measured, [g for g in (computed, used) if g is not None])
        if reference is not None:
            both = _against(measured, reference)
            found.append(("agreement", both.cosine, "1"))
            if computed is not None:
                found.append(("gradient_scale", _quotient(both), "1"))
            # A loop may divide the loss of each of several batches by their number.
            if trained.batches > 1:
                found.append(("batches", float(trained.batches), "1"))
        if used is not None:
            found.append(("used_gradient_norm", float(norm(used)), _SLOPE))
            whole = computed if computed is not None and reference is computed else measured
            before = _against(whole, used)
            found.append(("used_cosine", before.cosine, "1"))
            found.append(("used_scale", _quotient(before), "1"))
            if computed is not None:
                found.append(("backward_passes", float(trained.passes), "1"))
                found.append(("left_over", float(trained.adds_up), "1"))
        return [self.reading(view, name, value, unit=unit) for name, value, unit in found]


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
