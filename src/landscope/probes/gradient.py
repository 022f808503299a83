"""The gradient of the step: how long it is, and whether it is the one that the optimiser used."""

from landscope.cost import Cost, Work
from landscope.landscape.comparison import compared
from landscope.landscape.parameters import norm
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.reading import Reading
from landscope.training.step_view import StepView


class Gradient(Probe):
    """Loss and gradient norm; and norm and cosine of what stood in ``.grad`` at the update.

    Clipping changes the second norm and not the cosine. A cosine that is not 1 says that the loss
    that is measured is not the one that is trained.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__("gradient", schedule)

    def cost(self, work: Work) -> Cost:
        """Nothing: the gradient is taken once for all probes of a look."""
        del work
        return Cost(forward=0, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Two readings, and two more where it is known what the optimiser used."""
        shot = view.snapshot
        if shot is None:
            return []
        slope = "loss / parameter"
        readings = [
            self.reading(view, "loss", float(view.loss), unit="loss"),
            self.reading(view, "gradient_norm", float(norm(shot.gradient)), unit=slope),
        ]
        if shot.used is not None:
            measured = {name: shot.gradient[name] for name in shot.used}
            both = compared(measured, shot.used)
            readings += [
                self.reading(view, "used_gradient_norm", both.second, unit=slope),
                self.reading(view, "agreement", both.cosine),
            ]
        return readings
