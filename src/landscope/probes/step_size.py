"""Advice on the step: how far along the update the loss falls, and where the edge is."""

import math
from collections.abc import Sequence
from dataclasses import replace

from landscope.cost import Cost, Work
from landscope.measures.step_size import MULTIPLES, along_update, check_multiples
from landscope.probes.line import TOO_SMALL
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.reading import Axis, Reading, Status


class StepSize(Probe):
    """The loss at multiples of the update, the largest that is safe, and the curvature there.

    Args:
        schedule: At which steps it looks.
        multiples: Multiples of the update, positive and increasing.

    Raises:
        UsageError: They are not.
    """

    needs_mean_gradient = True

    def __init__(self, schedule: Schedule, multiples: Sequence[float] = MULTIPLES) -> None:
        super().__init__("step_size", schedule)
        check_multiples(multiples)
        self._multiples = tuple(multiples)

    def cost(self, work: Work) -> Cost:
        """A forward pass for each multiple, and a gradient at the end of the step, multiple 1."""
        del work
        return Cost(forward=len({1.0, *self._multiples}), backward=1)

    def read(self, view: StepView) -> list[Reading]:
        """A list over the multiples and five numbers; two more where the loss curves upward.

        Where the update goes uphill or nowhere, its metric has no beta and nothing is made up.
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
            ("safe_multiple", step.safe_multiple, "1"),
            ("safe_lr", step.safe_lr, "step size"),
            ("lr", step.lr, "step size"),
            ("curvature", step.curvature, "loss / parameter^2"),
            ("descent", step.descent, "loss"),
            ("sharpness_lr", step.sharpness_lr, "1"),
            ("metric_beta", step.metric_beta, "1 / step size"),
            ("inverse_beta", step.inverse_beta, "step size"),
        )
        gone = not all(step.resolved)
        nowhere = math.isnan(step.safe_multiple)
        why = TOO_SMALL if gone else "the update is zero"
        readings = [
            self.reading(view, "loss", step.losses, unit="loss", axis=axis),
            *(
                self.reading(view, quantity, value, unit=unit)
                for quantity, value, unit in numbers
                if not math.isnan(value) or quantity == "safe_multiple"
            ),
        ]
        doubtful = {"loss"} if gone else set[str]()
        doubtful |= {"safe_multiple"} if nowhere else set[str]()
        return [
            replace(each, status=Status.UNRESOLVED, function=each.function.noting(why))
            if each.quantity in doubtful
            else each
            for each in readings
        ]
