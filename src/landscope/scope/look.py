"""A look: from what was observed of an update to a view of it, which the probes read."""

from collections.abc import Callable

from torch import nn

from landscope.errors import UsageError
from landscope.landscape.batch import samples_of
from landscope.landscape.norm_mode import NormMode, in_norm_mode
from landscope.landscape.objective import Objective
from landscope.landscape.parameters import Parameters, trainable
from landscope.landscape.random_state import RandomState, devices_of
from landscope.reading import Reading, Status
from landscope.scope.instrument import Instrument
from landscope.scope.observation import Observation
from landscope.training.step_view import Snapshot, StepView

_NORMS = {
    "batch": "",
    "frozen": ", batch norms with this batch's statistics held still",
    "running": ", batch norms with their running statistics",
}


class Look:
    """Takes looks.

    Args:
        model: The network itself.
        norm_mode: Which function its batch norms are measured as.
        instrument: Its probes are to read.
        write: Takes what the look itself has to say.
    """

    def __init__(
        self,
        model: nn.Module,
        norm_mode: NormMode,
        instrument: Instrument,
        write: Callable[[Reading], None],
    ) -> None:
        self._model = model
        self._norm_mode: NormMode = norm_mode
        self._instrument = instrument
        self._write = write

    def at(
        self, step: int, observation: Observation, previous: Parameters | None
    ) -> dict[str, float]:
        """Let the probes that are due read an update; the seconds of each, by its id.

        Raises:
            Exception: Whatever went wrong before a probe could read. The training is as it was.
        """
        if observation.error is not None:
            raise observation.error
        # Probes may draw; the training must not notice.
        with RandomState.capture(devices_of(self._model)).replayed():
            view = self._view(step, observation, previous)
            if not view.loss.isfinite():
                self._not_finite(view)
                return {}
            return self._instrument.look(view)

    def _view(self, step: int, observation: Observation, previous: Parameters | None) -> StepView:
        objective, before = observation.objective, observation.before
        if objective is None or before is None:
            raise UsageError(
                "an update that was not seen from its beginning",
                "the parameters before it were not kept",
                "step the optimiser that the scope was given, inside of the block",
            )
        batch = self._in_words(objective, observation)
        objective = in_norm_mode(objective, self._norm_mode, before)
        loss, data_loss, gradient = objective.gradient(before)
        fits = previous is not None and _alike(previous, before)
        snapshot = Snapshot(
            objective=objective,
            before=before,
            after=trainable(self._model),
            gradient=gradient,
            batch=batch,
            used=observation.used,
            previous=previous if fits else None,
        )
        return StepView(step, observation.lr, loss, data_loss, None, snapshot)

    def _in_words(self, objective: Objective, observation: Observation) -> str:
        batches = observation.batches
        mode = "training mode" if self._model.training else "evaluation mode"
        which = (
            "the step's own batch" if batches == 1 else f"the last of the step's {batches} batches"
        )
        samples = samples_of((objective.inputs, objective.targets))
        noise = ", noise drawn anew because compiled code draws its own" * observation.redrawn
        return f"{mode}, {which}, {samples} samples{noise}{_NORMS[self._norm_mode]}"

    def _not_finite(self, view: StepView) -> None:
        loss = float(view.loss)
        self._write(
            Reading(
                step=view.step,
                probe="gradient",
                quantity="loss",
                value=loss,
                unit="loss",
                status=Status.NONFINITE,
                function=view.snapshot.function if view.snapshot else "",
            )
        )


def _alike(first: Parameters, second: Parameters) -> bool:
    """Whether two points can be compared: the network has not been moved or changed between."""
    return first.keys() == second.keys() and all(
        first[name].shape == tensor.shape and first[name].device == tensor.device
        for name, tensor in second.items()
    )
