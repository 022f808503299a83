"""A measurement: turns what was observed of a step into a view that the probes read."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from landscope.errors import UsageError
from landscope.measures.comparison import compared
from landscope.objective.batch import samples_of
from landscope.objective.checks import Samples
from landscope.objective.exchange import Standing
from landscope.objective.global_state import no_anomaly_mode, no_modes
from landscope.objective.norm_mode import NormMode, in_norm_mode
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import Parameters, trainable
from landscope.objective.processes import count, rank
from landscope.objective.random_state import RandomState, TorchStreams, devices_of
from landscope.probes.snapshot import Snapshot, StepView, TrainedGradients
from landscope.quantities import GRADIENT, SCOPE
from landscope.reading import OWN_BATCH, Provenance, Reading, Status
from landscope.scope.instrument import Instrument
from landscope.scope.observation import Observation
from landscope.scope.unseen import differ, norms_of

_PARALLEL = 0.9999
"""Cosine of update and gradient above which one is a multiple of the other, up to rounding."""


class Measurer:
    """Takes measurements.

    Args:
        model: The network itself.
        norm_mode: The function as which its batch norms are measured.
        instrument: The probes.
        write: Takes the readings of the measurement itself.
        batch_dim: As for an :class:`Objective`.
        samples: As for an :class:`Objective`.
        l2_penalty: As for an :class:`Objective`.
    """

    def __init__(
        self,
        model: nn.Module,
        norm_mode: NormMode,
        instrument: Instrument,
        write: Callable[[Reading], None],
        *,
        batch_dim: int = 0,
        samples: Samples = "independent",
        l2_penalty: float = 0.0,
    ) -> None:
        self._model = model
        self._norm_mode: NormMode = norm_mode
        self._instrument = instrument
        self._write = write
        self._batch_dim = batch_dim
        self._samples: Samples = samples
        self._l2_penalty = l2_penalty
        self._moving = _Moving(model)

    def at(
        self, step: int, observation: Observation, previous: Parameters | None
    ) -> dict[str, float]:
        """Let the probes that are due read an update; return the seconds of each, by its id.

        Raises:
            Exception: Something failed before a probe could read. The training is unchanged.
        """
        if observation.error is not None:
            raise observation.error
        # Probes may draw random numbers; the training must not be affected.
        with (
            no_modes(),
            no_anomaly_mode(),
            RandomState.capture(devices_of(self._model)).replayed(),
        ):
            view = self._view(step, observation, previous)
            if not view.loss.isfinite():
                self._not_finite(view)
                return {}
            why = self._moving.why(view.snapshot.objective.standing) if view.snapshot else ""
            if why:
                because = Provenance(note=why)
                self._write(SCOPE.moving_loss.at(step, 1.0, function=because))
            return self._instrument.measure(view)

    def _view(self, step: int, observation: Observation, previous: Parameters | None) -> StepView:
        objective, before = observation.objective, observation.before
        if objective is None or before is None:
            raise UsageError(
                "an update that was not seen from its beginning",
                "the parameters before it were not kept",
                "step the optimiser that was given to the scope, inside the block",
            )
        objective = replace(
            objective,
            batch_dim=self._batch_dim,
            samples=self._samples,
            l2_penalty=self._l2_penalty,
        )
        measured = in_norm_mode(objective, self._norm_mode, before)
        noting = _Noting(measured.loss_fn, devices_of(self._model))
        loss, data_loss, gradient = replace(measured, loss_fn=noting).gradient(before)
        noise = _noise(observation, objective, noting.ends[-1])
        same = not noise and measured is objective
        fits = previous is not None and _alike(previous, before)
        snapshot = Snapshot(
            objective=measured,
            before=before,
            after=trainable(self._model),
            gradient=gradient,
            measured=self._measured(objective, observation.batches, noise),
            # A loss of another function, or with other noise, must not be compared with this one.
            trained=_trained(observation) if same else None,
            previous=previous if fits else None,
        )
        lr = observation.lr if math.isfinite(observation.lr) else _lr_of(snapshot)
        return StepView(step, lr, loss, data_loss, snapshot)

    def _measured(self, objective: Objective, batches: int, noise: str) -> Provenance:
        last = f"the last of the step's {batches} batches"
        return Provenance(
            mode="training" if objective.standing.training else "evaluation",
            batch=OWN_BATCH if batches == 1 else last,
            rank=(rank(), count()) if count() > 1 else None,
            samples=samples_of((objective.inputs, objective.targets), objective.batch_dim),
            noise=noise,
            norm_mode=self._norm_mode,
        )

    def _not_finite(self, view: StepView) -> None:
        loss = float(view.loss)
        self._write(
            GRADIENT.loss.at(
                view.step,
                loss,
                status=Status.NONFINITE,
                function=view.snapshot.function if view.snapshot else None,
            )
        )


_CALLED: WeakSet[nn.Module] = WeakSet()
"""The networks that the loss of another scope calls, as that of a generator calls the critic."""


class _Moving:
    """Notices a loss that changes while it is trained, by other networks that are trained too.

    Such a loss need not fall, whatever the training does: of a network that plays against another,
    or follows one that follows it.

    Args:
        model: The network itself.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._norms: list[float] | None = None
        self._said = False

    def why(self, standing: Standing) -> str:
        """Why the loss changes; empty where it does not, and once that was said."""
        if self._said:
            return ""
        others = standing.others
        _CALLED.update(others)
        weights = [p for p in self._model.parameters() if not p.requires_grad]
        weights += [p for module in others for p in module.parameters(recurse=False)]
        known, self._norms = self._norms, norms_of(weights)
        found = ""
        if differ(known, self._norms):
            found = "the loss depends on other weights, which have moved as well"
        elif self._model in _CALLED:
            found = "another training's loss calls this network"
        self._said = bool(found)
        return found


class _Noting:
    """A loss function that notes where torch's streams stand after its pass.

    Args:
        loss_fn: The loss function itself.
        devices: Those of the network.
    """

    def __init__(self, loss_fn: LossFn, devices: set[torch.device]) -> None:
        # A list, because a loss that reaches the model is called on a copy of itself.
        self.ends: list[TorchStreams] = []
        self._loss_fn = loss_fn
        self._devices = devices

    def __call__(self, first: Any, second: Any) -> Any:
        loss = self._loss_fn(first, second)
        self.ends.append(TorchStreams.capture(self._devices))
        return loss


def _trained(observation: Observation) -> TrainedGradients:
    return TrainedGradients(
        computed=observation.computed,
        # With several processes, this is the mean over the batches of all.
        used=observation.used if count() == 1 else None,
        batches=observation.batches,
        passes=observation.backward.passes,
        adds_up=observation.batches == 1 and observation.backward.adds_up,
    )


def _lr_of(snapshot: Snapshot) -> float:
    """The learning rate of an update made by hand; known if the update follows the gradient."""
    update = {name: tensor - snapshot.after[name] for name, tensor in snapshot.before.items()}
    both = compared(snapshot.gradient, update)
    return both.second / both.first if both.cosine > _PARALLEL else math.nan


def _noise(observation: Observation, objective: Objective, end: TorchStreams) -> str:
    """Why the noise of the measured pass differs from the training's; empty if it does not."""
    if observation.redrawn:
        return "compiled code draws its own"
    begin = objective.random_state.streams
    if observation.drawn is None or end == begin or end == observation.drawn:
        return ""
    return "the block draws other numbers too"


def _alike(first: Parameters, second: Parameters) -> bool:
    """Whether two points can be compared: the network was not moved or changed between them."""
    return first.keys() == second.keys() and all(
        first[name].shape == tensor.shape and first[name].device == tensor.device
        for name, tensor in second.items()
    )
