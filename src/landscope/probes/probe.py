"""What every probe is: an id, a schedule, a declared cost, and readings of a snapshot."""

import math
from abc import ABC, abstractmethod
from typing import Any

from landscope.cost import Cost, ProbeCost, Work
from landscope.probes.schedule import Schedule
from landscope.probes.snapshot import StepView
from landscope.quantities import Domain, Quantities, Quantity
from landscope.reading import TRUSTED, Axis, Provenance, Reading, Status


class Probe(ABC):
    """Measures one thing at a step.

    Args:
        id: Name in the records; it carries the settings in which two of a kind differ.
        schedule: At which steps it looks.

    Attributes:
        needs_previous: Whether it compares an update with the one before, of which a copy of the
            parameters must then be kept.
        quantities: What it reads, declared; None where it says that with each reading.
        needs_mean_gradient: Whether what it reads is about the whole batch of a step, of which
            each of several processes has its own part.
    """

    needs_previous = False
    needs_mean_gradient = False
    quantities: Quantities | None = None

    def __init__(self, id: str, schedule: Schedule) -> None:  # noqa: A002 (the record's own word)
        self.id = id
        self.schedule = schedule

    @abstractmethod
    def cost(self, work: Work) -> Cost:
        """The declared cost of one look: what its arithmetic comes to, or a little more.

        Args:
            work: The arithmetic of the network's layers.
        """

    def cost_over(self, steps: int, work: Work) -> ProbeCost:
        """What it will cost over a training of some steps."""
        return ProbeCost(
            probe=self.id,
            look=self.cost(work).in_steps(work),
            looks=sum(map(self.schedule.due, range(steps))),
            steps=steps,
        )

    @abstractmethod
    def read(self, view: StepView) -> list[Reading]:
        """The readings at a step that has a snapshot. Nothing of the training is changed."""

    def state_dict(self) -> Any:
        """What it keeps from look to look, as plain values and tensors; nothing unless said."""
        return None

    def load_state_dict(self, state: Any) -> None:
        """Put back what ``state_dict`` gave, in a training that goes on from a checkpoint."""
        del state

    def reading(
        self,
        view: StepView,
        quantity: Quantity | str,
        value: float | tuple[float, ...],
        *,
        unit: str = "1",
        layer: str | None = None,
        axis: Axis | None = None,
        function: Provenance | str | None = None,
        status: Status = Status.OK,
    ) -> Reading:
        """A reading of this probe, with an honest status.

        A value that is not finite says so. One outside of its quantity's domain cannot be, and is
        unresolved.

        Args:
            view: The step.
            quantity: What was measured, or the name of one that the probe need not have declared.
            value: One number, or one for each coordinate of ``axis``.
            unit: Unit of one that is not declared.
            layer: Name of the layer; None for the whole network.
            axis: Coordinates, where the value is a list.
            function: Which function was measured, or a text that says it; the one that the step
                descended unless given.
            status: How far the value can be believed, where it is finite and can be.
        """
        if function is None:
            function = view.snapshot.function if view.snapshot else Provenance()
        elif isinstance(function, str):
            function = Provenance.parse(function)
        if isinstance(quantity, str):
            declared = self.quantities.named(quantity) if self.quantities else None
            quantity = declared or Quantity(self.id, quantity, unit)
        values = value if isinstance(value, tuple) else (value,)
        if status in TRUSTED:
            status = _honest(status, values, quantity.domain)
        return quantity.at(
            view.step, value, layer=layer, axis=axis, status=status, function=function
        )


def _honest(status: Status, values: tuple[Any, ...], domain: Domain) -> Status:
    try:
        finite = all(map(math.isfinite, values))
    except (TypeError, ValueError, OverflowError):
        return status  # no numbers: this reading alone is refused when it is written
    if not finite:
        return Status.NONFINITE
    return status if all(map(domain.holds, values)) else Status.UNRESOLVED
