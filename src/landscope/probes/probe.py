"""The base class of probes: an id, a schedule, a declared cost, and readings of a snapshot."""

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
        id: Name in the records; it includes the settings in which two probes of a kind differ.
        schedule: The steps at which it measures.

    Attributes:
        needs_previous: Whether it compares an update with the one before, so that a copy of the
            parameters must be kept.
        quantities: The quantities that it reads; None if it declares them with each reading.
        needs_mean_gradient: Whether its readings are about the whole batch of a step. With several
            processes each has only its own part.
    """

    needs_previous = False
    needs_mean_gradient = False
    quantities: Quantities | None = None

    def __init__(self, id: str, schedule: Schedule) -> None:  # noqa: A002 (the record's own word)
        self.id = id
        self.schedule = schedule

    @abstractmethod
    def cost(self, work: Work) -> Cost:
        """The declared cost of one measurement: its arithmetic, or a little more.

        Args:
            work: The arithmetic of the network's layers.
        """

    def cost_over(self, steps: int, work: Work) -> ProbeCost:
        """Its cost over a training."""
        return ProbeCost(
            probe=self.id,
            look=self.cost(work).in_steps(work),
            looks=sum(map(self.schedule.due, range(steps))),
            steps=steps,
        )

    @abstractmethod
    def read(self, view: StepView) -> list[Reading]:
        """The readings at a step that has a snapshot. The training is not changed."""

    def state_dict(self) -> Any:
        """What it keeps between measurements, as plain values and tensors; by default nothing."""
        return None

    def load_state_dict(self, state: Any) -> None:
        """Restore what ``state_dict`` returned, when a training resumes from a checkpoint."""
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

        The status marks a value that is not finite. A value outside its quantity's domain is
        unresolved.

        Args:
            view: The step.
            quantity: What was measured, or a name that the probe need not have declared.
            value: One number, or one for each coordinate of ``axis``.
            unit: Unit of an undeclared quantity.
            layer: Name of the layer; None for the whole network.
            axis: Coordinates, where the value is a list.
            function: Which function was measured, or a text that says it; by default the one that
                the step descended.
            status: How far the value can be trusted, if it is finite and in its domain.
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
        return status  # not numbers: only this reading is refused when it is written
    if not finite:
        return Status.NONFINITE
    return status if all(map(domain.holds, values)) else Status.UNRESOLVED
