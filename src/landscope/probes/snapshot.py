"""A read-only view of one training step, for probes."""

from dataclasses import dataclass, replace

from torch import Tensor

from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters
from landscope.reading import Provenance


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What is kept of a step that a probe measures, until the next step.

    Args:
        objective: The step's batch, mode, running statistics and random streams, held still.
        before: Copies of the parameters before the update.
        after: The parameters after it, the model's own: the next step overwrites them.
        gradient: The gradient of the objective before the update.
        measured: Mode, batch and norm mode of the step; the rest follows from the objective.
        trained: The gradients of the training itself; None if unknown.
        previous: Copies of the parameters before the previous update, if they were kept.
    """

    objective: Objective
    before: Parameters
    after: Parameters
    gradient: Parameters
    measured: Provenance
    trained: "TrainedGradients | None" = None
    previous: Parameters | None = None

    @property
    def function(self) -> Provenance:
        """The function that the step descended: mode, batch, loss with its penalty, precision."""
        strength = self.objective.l2_penalty
        if not strength:
            return self.data_function
        return replace(self.data_function, loss="with penalty", l2_penalty=float(f"{strength:g}"))

    @property
    def data_function(self) -> Provenance:
        """The same function without the penalty."""
        names = dict.fromkeys(str(d).removeprefix("torch.") for d in self.objective.autocast.dtypes)
        return replace(self.measured, loss="without penalty", autocast=tuple(names))


@dataclass(frozen=True, eq=False)
class TrainedGradients:
    """The gradients of a step as the training computed and used them, of what the optimisers have.

    Args:
        computed: What the first backward pass of the measured batch computed; None if unknown.
        used: What the optimiser found in ``.grad``: perhaps clipped, accumulated, taken at other
            weights, or of another objective; None if unknown.
        batches: How many batches the update accumulates.
        passes: How many backward passes the block had.
        adds_up: Whether the backward pass added to a gradient left over from before.
    """

    computed: Parameters | None = None
    used: Parameters | None = None
    batches: int = 1
    passes: int = 1
    adds_up: bool = False


@dataclass(frozen=True, eq=False)
class StepView:
    """One update by the optimiser.

    Args:
        step: Number of the step; step 0 starts from the initial weights.
        lr: Learning rate of the update.
        loss: Loss before the update, with the penalty, a scalar on the device.
        data_loss: The same without the penalty.
        snapshot: What a probe needs, at the steps for which it was asked.
    """

    step: int
    lr: float
    loss: Tensor
    data_loss: Tensor
    snapshot: Snapshot | None
