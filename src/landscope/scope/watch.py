"""The watch: follows a loop from block to block, and notices when the optimiser has stepped."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from landscope.objective.objective import LossFn
from landscope.objective.parameters import Parameters
from landscope.scope.ending import Ending
from landscope.scope.observation import Observation
from landscope.scope.settings import has_hooks
from landscope.scope.unseen import Unseen
from landscope.scope.warn import Complaints

Then = Callable[[Observation | None, Parameters | None, bool], None]
"""Called after each update with its observation, the parameters before the previous update, and
whether the training raised no error in it."""


class Watch:
    """Follows a loop; between blocks no hook is attached to the model or the optimiser.

    Args:
        called: The network as the loop calls it.
        model: The network itself.
        loss_fn: The loss.
        optimizers: The optimisers; empty if the loop updates by hand.
        scaler: A ``GradScaler``, or None.
        unseen: Counts the blocks without an update.
        complaints: Warns the user.
        then: Called after each update.

    Attributes:
        measures: Whether the next update is measured.
        keeps: Whether measuring the update after that needs the parameters before this one.
        shadow: Whether the loss is to be evaluated on a shadow of the network.
        previous: The parameters before the last update, if a measurement of the next needs them.
    """

    def __init__(
        self,
        called: nn.Module,
        model: nn.Module,
        loss_fn: LossFn,
        optimizers: Sequence[Any],
        scaler: Any,
        unseen: Unseen,
        complaints: Complaints,
        then: Then,
    ) -> None:
        self.measures = self.keeps = False
        self.shadow = True
        self._called = called
        self._model = model
        self._loss_fn = loss_fn
        self._optimizers = optimizers
        self._scaler = scaler
        self._unseen = unseen
        self._complaints = complaints
        self._then = then
        self._hooked = bool(optimizers) and all(map(has_hooks, optimizers))
        self._counting: list[RemovableHandle] = []
        self._observation: Observation | None = None
        self.previous: Parameters | None = None
        self._depth = 0
        self._blocks = 0
        self._stepped = False

    @property
    def inside(self) -> bool:
        """Whether a block is open."""
        return self._depth > 0

    @property
    def pending(self) -> bool:
        """Whether an update has begun and not ended: in a block, or between accumulated batches."""
        if self.inside or self._blocks == 0:
            return self.inside
        # An update that a scaler skipped is over; if nothing was kept of it, nothing is lost
        # either.
        if self._observation is not None:
            return not self._observation.overflowed(self._scaler)
        return self._scaler is None

    def enter(self, inputs: Any, targets: Any) -> None:
        """A block begins. This runs at every batch, and does almost nothing if nothing is due."""
        self._depth += 1
        if self._depth > 1:
            self._complaints.once(
                "a step inside another step is not watched: give each block its own batch"
            )
            return
        if self._blocks:
            self._unseen.entered()
        if self._hooked:
            self._counting = [
                each.register_step_post_hook(self._count) for each in self._optimizers
            ]
        else:
            self._stepped = True
        if self.measures or self.keeps:
            if self._observation is None or self._observation.overflowed(self._scaler):
                loss_fn = self._loss_fn if self.measures else None
                self._observation = Observation(
                    self._called, self._model, loss_fn, shadow=self.shadow
                )
            self._observation.begin(inputs, targets, self._scaler, self._optimizers)

    def leave(self, *, failed: bool) -> None:
        """A block ends.

        Args:
            failed: Whether the training raised in it: then there is nothing to measure.
        """
        self._depth -= 1
        if self._depth:
            return
        while self._counting:
            self._counting.pop().remove()
        observation = self._observation
        if observation is not None:
            observation.end()
        self._blocks += 1
        if not self._stepped:
            if failed:
                self._observation = None
            else:
                self._unseen.left()
            return
        self._unseen.updated()
        self._stepped = False
        self._blocks = 0
        self._observation = None
        previous, self.previous = self.previous, None
        if self.keeps and observation is not None and not observation.skipped:
            self.previous = observation.before
        try:
            self._then(observation, previous, not failed)
        except Exception as error:
            # Whatever it is, it is our bug, and must not end the training.
            self.measures = self.keeps = False
            self._then = _nothing
            self._complaints.once(
                f"measuring failed and ends here ({type(error).__name__}: {error}); "
                "the training goes on"
            )

    def abandon(self) -> None:
        """Close any open block, whose training did not finish."""
        self._depth = min(self._depth, 1)
        if self._depth:
            self.leave(failed=True)

    def _count(self, *_: Any) -> None:
        self._stepped = True


def _nothing(*_: Any) -> None:
    """Called after an update once measuring has failed."""


class Block:
    """Marks for a watch where the training on a batch begins and ends.

    Args:
        watch: The watch.
        ending: Notified if the training leaves a block with an error.

    Attributes:
        batch: Inputs and targets of the next block; released once it has begun.
    """

    def __init__(self, watch: Watch, ending: Ending) -> None:
        self.batch: tuple[Any, Any] = (None, None)
        self._watch = watch
        self._ending = ending

    def __enter__(self) -> None:
        inputs, targets = self.batch
        self.batch = (None, None)
        self._ending.goes_on()
        self._watch.enter(inputs, targets)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._ending.failed(error)
        try:
            self._watch.leave(failed=kind is not None)
        except BaseException as stop:  # Ctrl-C while a measurement ran
            self._ending.failed(stop)
            raise
