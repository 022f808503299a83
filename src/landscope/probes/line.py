"""The landscape along a line from the step's parameters: sections 3.2 and A.2.2 of the paper.

Three lines: the gradient on the paper's grid, which are multiples of the learning rate; the
gradient on a grid that does not depend on it, so that networks trained at different rates compare;
and a random direction of the gradient's length.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence

from landscope.cost import Cost, Work
from landscope.measures.line import check_etas, landscape_along
from landscope.measures.random_direction import random_direction
from landscope.objective.parameters import Parameters, norm
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import Snapshot, StepView
from landscope.quantities import FIXED_LINE, PAPER_LINE, RANDOM_LINE, Line
from landscope.reading import Axis, Provenance, Reading, Status

TOO_SMALL = "a step is too small for the type of the weights: rounding removes it"


class _Line(Probe):
    """A line on a grid of step sizes; what differs is the grid and the direction."""

    def __init__(self, quantities: Line, schedule: Schedule, grid: Sequence[float]) -> None:
        super().__init__(quantities.probe, schedule)
        self.quantities = self._line = quantities
        check_etas(grid)
        self._grid = tuple(grid)

    def cost(self, work: Work) -> Cost:
        """A forward and a backward pass for each step size."""
        del work
        return Cost(forward=len(self._grid), backward=len(self._grid))

    @abstractmethod
    def etas(self, view: StepView) -> tuple[float, ...]:
        """The step sizes at a step."""

    def direction(self, view: StepView, shot: Snapshot) -> Parameters | None:
        """The direction at a step; None for the gradient."""
        del view, shot
        return None

    def read(self, view: StepView) -> list[Reading]:
        """Four lists over the step sizes, and four numbers."""
        shot = view.snapshot
        if shot is None:
            return []
        line = landscape_along(
            shot.objective,
            shot.before,
            etas=self.etas(view),
            direction=self.direction(view, shot),
            start=(view.loss, shot.gradient),
        )
        axis = Axis("eta", "step size", line.etas)
        lost = not all(line.resolved)
        status = Status.UNRESOLVED if lost else Status.OK
        why = shot.function.noting(TOO_SMALL) if lost else None
        data = shot.data_function.noting(TOO_SMALL) if lost else shot.data_function
        of = self._line
        found = (
            (of.loss, line.losses, why),
            (of.data_loss, line.data_losses, data),
            (of.gradient_change, line.gradient_changes, why),
            (of.beta, line.betas, why),
            (of.effective_beta, line.effective_beta, why),
            (of.beta_lr, line.effective_beta * view.lr, why),
        )
        return [
            *(
                self.reading(
                    view,
                    quantity,
                    value,
                    axis=axis if isinstance(value, tuple) else None,
                    function=function,
                    status=status,
                )
                for quantity, value, function in found
            ),
            self.reading(view, of.start_loss, line.start_loss),
            self.reading(view, of.gradient_norm, line.gradient_norm),
        ]


class PaperLine(_Line):
    """Along the gradient, on the paper's grid: multiples of the learning rate."""

    def __init__(self, schedule: Schedule, multiples: Sequence[float]) -> None:
        super().__init__(PAPER_LINE, schedule, multiples)

    def read(self, view: StepView) -> list[Reading]:
        """As for any line; at a learning rate of 0, as in a warm-up, only why there is none."""
        if view.snapshot is None or view.lr > 0:
            return super().read(view)
        why = Provenance(
            note=f"the learning rate is {view.lr}, and the grid consists of its multiples"
        )
        return [
            self.reading(view, quantity, math.nan, function=why, status=Status.SKIPPED)
            for quantity in (self._line.effective_beta, self._line.beta_lr)
        ]

    def etas(self, view: StepView) -> tuple[float, ...]:
        """The multiples times the step's learning rate."""
        return tuple(multiple * view.lr for multiple in self._grid)


class FixedLine(_Line):
    """Along the gradient, on a grid that does not depend on the learning rate."""

    def __init__(self, schedule: Schedule, etas: Sequence[float]) -> None:
        super().__init__(FIXED_LINE, schedule, etas)

    def etas(self, view: StepView) -> tuple[float, ...]:
        """The same at every step."""
        del view
        return self._grid


class RandomLine(_Line):
    """Along a random direction of the gradient's length, on the grid of :class:`FixedLine`."""

    def __init__(self, schedule: Schedule, etas: Sequence[float], seed: int) -> None:
        super().__init__(RANDOM_LINE, schedule, etas)
        self._seed = seed

    def etas(self, view: StepView) -> tuple[float, ...]:
        """The same at every step."""
        del view
        return self._grid

    def direction(self, view: StepView, shot: Snapshot) -> Parameters:
        """A fresh direction for each step, the same for every network of that seed and shape."""
        length = float(norm(shot.gradient))
        return random_direction(shot.gradient, length=length, seed=self._seed_of(view.step))

    def _seed_of(self, step: int) -> int:
        # Far apart for neighbouring seeds, so that no two runs share a direction at other steps.
        return (self._seed * 2**32 + step) % 2**63
