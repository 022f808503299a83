"""The step size: how far along the update the loss falls, and where the edge is."""

import math
from collections.abc import Sequence
from dataclasses import replace

from landscope.cost import Cost, Work
from landscope.measures.step_size import MULTIPLES, along_update, check_multiples
from landscope.probes.line import TOO_SMALL
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule, WhenPlanned
from landscope.probes.snapshot import StepView
from landscope.quantities import STEP_SIZE
from landscope.reading import Axis, Reading, Status

_WITHIN_A_BUDGET = (0.5, 1.0, 2.0, 4.0, 8.0)


class StepSize(Probe):
    """The loss at multiples of the update, the largest that is safe, and the curvature there.

    Args:
        schedule: The steps at which it measures.
        multiples: Multiples of the update, positive and increasing; from 0.25 to 16 unless given,
            and from 0.5 to 8 within a budget of time.

    Raises:
        UsageError: The multiples are not positive and increasing.
    """

    needs_mean_gradient = True
    quantities = STEP_SIZE

    def __init__(self, schedule: Schedule, multiples: Sequence[float] | None = None) -> None:
        super().__init__(STEP_SIZE.probe, schedule)
        if multiples is None:
            multiples = _WITHIN_A_BUDGET if isinstance(schedule, WhenPlanned) else MULTIPLES
        check_multiples(multiples)
        self._multiples = tuple(multiples)

    def cost(self, work: Work) -> Cost:
        """A forward pass for each multiple, and a gradient at the end of the step, multiple 1."""
        del work
        return Cost(forward=len({1.0, *self._multiples}), backward=1)

    def read(self, view: StepView) -> list[Reading]:
        """A list over the multiples and five numbers; two more where the loss curves upward.

        If the update goes uphill or is zero, there is no beta in its metric.
        """
        shot = view.snapshot
        if shot is None:
            return []
        update = {name: shot.before[name] - after for name, after in shot.after.items()}
        start = (view.loss, shot.gradient)
        step = along_update(
            shot.objective, shot.before, update, start=start, lr=view.lr, multiples=self._multiples
        )
        axis = Axis("multiple", "1", step.multiples)
        numbers = (
            (STEP_SIZE.safe_multiple, step.safe_multiple),
            (STEP_SIZE.safe_lr, step.safe_lr),
            (STEP_SIZE.lr, step.lr),
            (STEP_SIZE.curvature, step.curvature),
            (STEP_SIZE.descent, step.descent),
            (STEP_SIZE.sharpness_lr, step.sharpness_lr),
            (STEP_SIZE.metric_beta, step.metric_beta),
            (STEP_SIZE.inverse_beta, step.inverse_beta),
        )
        gone = not all(step.resolved)
        nowhere = math.isnan(step.safe_multiple)
        why = TOO_SMALL if gone else "the update is zero"
        readings = [
            self.reading(view, STEP_SIZE.loss, step.losses, axis=axis),
            *(
                self.reading(view, quantity, value)
                for quantity, value in numbers
                if not math.isnan(value) or quantity == STEP_SIZE.safe_multiple
            ),
        ]
        doubtful = {STEP_SIZE.loss.name} if gone else set[str]()
        doubtful |= {STEP_SIZE.safe_multiple.name} if nowhere else set[str]()
        return [
            replace(each, status=Status.UNRESOLVED, function=each.function.noting(why))
            if each.quantity in doubtful
            else each
            for each in readings
        ]
