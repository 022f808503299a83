"""The update of the step: its size, its direction, and its effect on the loss."""

import math
from dataclasses import replace

from landscope.cost import Cost, Work
from landscope.measures.comparison import compared
from landscope.measures.conspicuous import lost_share
from landscope.objective.parameters import Parameters, displaced, norm, resolved
from landscope.probes.line import TOO_SMALL
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.quantities import UPDATE, Quantity
from landscope.reading import Provenance, Reading, Status

LOST = 0.1
"""Share of weights lost to rounding above which it is recorded."""


class Update(Probe):
    """``||u||``, ``||u|| / ||theta||``, and the loss after the step over the loss before.

    Here u = theta - theta' is the observed update of any optimiser; ``successive_cosine`` is that
    of u and the update before. ``loss_ratio`` is ``L(theta - lr g) / L(theta)``, of plain gradient
    descent from the same point. Ratios make sense only for positive losses and are skipped for
    others. ``lost`` is the share of weights that the update left unchanged although they have a
    gradient, recorded above a tenth.
    """

    needs_previous = True
    quantities = UPDATE

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(UPDATE.probe, schedule)

    def cost(self, work: Work) -> Cost:
        """Two forward passes."""
        del work
        return Cost(forward=2, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Four readings, and one more if the update before is known."""
        shot = view.snapshot
        if shot is None:
            return []
        update = _between(shot.before, shot.after)
        earlier = None if shot.previous is None else _between(shot.previous, shot.before)
        # Without an update before it, it is compared with itself: its length is in either.
        both = compared(update if earlier is None else earlier, update)
        length, point = both.second, float(norm(shot.before))
        along = displaced(shot.before, shot.gradient, view.lr)
        start = float(view.loss)
        losses = [float(shot.objective.loss(there)) for there in (along, shot.after)]
        readings = [
            self.reading(view, UPDATE.update_norm, length),
            self.reading(view, UPDATE.relative_update, length / point if point else float("nan")),
            self._ratio(view, UPDATE.loss_ratio, losses[0], start),
            self._ratio(view, UPDATE.step_ratio, losses[1], start),
        ]
        if not all(resolved(shot.before, shot.gradient, [view.lr] if view.lr > 0 else [])):
            unknown = replace(readings[2], value=math.nan, status=Status.UNRESOLVED)
            readings[2] = replace(unknown, function=unknown.function.noting(TOO_SMALL))
        if earlier is not None:
            readings.append(self.reading(view, UPDATE.successive_cosine, both.cosine))
        lost = lost_share(shot.before, shot.after, shot.gradient)
        if lost > LOST:
            readings.append(self.reading(view, UPDATE.lost, lost))
        return readings

    def _ratio(self, view: StepView, quantity: Quantity, loss: float, start: float) -> Reading:
        if not (start <= 0 or loss < 0):
            return self.reading(view, quantity, loss / start)
        why = f"the ratio of losses of {loss:.4g} and {start:.4g} has no meaning"
        return self.reading(
            view, quantity, math.nan, function=Provenance(note=why), status=Status.SKIPPED
        )


def _between(first: Parameters, second: Parameters) -> Parameters:
    return {name: first[name] - tensor for name, tensor in second.items()}
