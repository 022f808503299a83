"""A callback for the Trainer of Hugging Face's transformers."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch

from landscope.errors import UsageError
from landscope.integrations.missing import missing
from landscope.objective.norm_mode import NormMode
from landscope.scope.destinations import Destination
from landscope.scope.scope import Scope

try:
    from transformers import (
        Trainer,
        TrainerCallback,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )
except ModuleNotFoundError as error:
    raise missing("transformers", "huggingface") from error


class HuggingFaceScope(TrainerCallback):
    """Measures the landscape of a training by a ``Trainer``, without changing a bit of it.

    ::

        trainer.add_callback(HuggingFaceScope(trainer, budget=0.05, to="runs/mine"))

    What is measured is ``trainer.compute_loss``, the one that the trainer was given or a subclass
    wrote: label smoothing and custom losses included. A callback is shown no batches; so while the
    training runs, ``trainer.compute_loss`` is replaced by a function that notes the batch and
    passes it on. Where gradients are accumulated, the last batch of each update is measured, and
    its loss is the mean over its own items. ``compute_loss`` runs again after the update: what it
    changes outside of the model, it changes again.

    Args:
        trainer: The trainer that it is added to.
        probes: As for :class:`~landscope.Scope`, and so are the other arguments.
        every: Updates from one measurement to the next; None to let the budget decide.
        budget: Share of the time that the probes may take.
        to: Where readings go; writers are closed when the training ends.
        norm_mode: Which function batch norms are measured as.

    Raises:
        UsageError: When the training starts: it is one on several devices.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        probes: str | Sequence[Any] = "standard",
        every: int | None = None,
        budget: float = 0.05,
        to: Destination | Sequence[Destination] | None = None,
        norm_mode: NormMode = "batch",
    ) -> None:
        self._trainer = trainer
        self._probes = probes
        self._every = every
        self._budget = budget
        self._to = to
        self._norm_mode: NormMode = norm_mode
        self._scope: Scope | None = None
        self._compute_loss: Callable[..., Any] = trainer.compute_loss
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    @property
    def scope(self) -> Scope:
        """The scope of the training that runs, or ran last, with its readings and findings.

        Raises:
            UsageError: No training has started.
        """
        if self._scope is None:
            raise UsageError(
                "HuggingFaceScope.scope",
                "there is a scope once the training has started",
                "ask after `trainer.train()`",
            )
        return self._scope

    def close(self) -> None:
        """Detach from the trainer. Call it only if the training ended with an error."""
        vars(self._trainer).pop("compute_loss", None)
        if self._scope is not None:
            self._scope.close()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Attach a new scope to the training's model and optimiser."""
        del control
        trainer = self._trainer
        _check(trainer, args)
        self.close()
        # A trainer that starts has a model; that it may have none is for the time before.
        model: Any = trainer.model
        self._scope = Scope(
            model,
            self._loss,
            trainer.optimizer,
            probes=self._probes,
            every=self._every,
            budget=self._budget,
            to=self._to,
            norm_mode=self._norm_mode,
            scaler=trainer.accelerator.scaler,
            first_step=state.global_step,
        )
        self._compute_loss = trainer.compute_loss
        vars(trainer)["compute_loss"] = self._noting(trainer.compute_loss)

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """After a batch whose gradient is accumulated."""
        del args, state, control
        self.scope.after()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """After an update."""
        del args, state, control
        self.scope.after()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Close the scope and what it writes to."""
        del args, state, control
        self.close()

    def _noting(self, compute_loss: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(compute_loss)
        def noting(model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
            # Evaluations compute losses too, without gradients.
            if torch.is_grad_enabled():
                self._arguments = (rest, named)
                self.scope.before(inputs)
            return compute_loss(model, inputs, *rest, **named)

        return noting

    def _loss(self, model: Any, inputs: Any) -> Any:
        rest, named = self._arguments
        trainer = self._trainer
        if named.get("num_items_in_batch") is not None:
            # The count that the training divides by is of all accumulated batches; the loss of a
            # batch, or of a part of one, is the mean over its own items.
            _, count = trainer.get_batch_samples(iter([inputs]), 1, trainer.args.device)
            named = {**named, "num_items_in_batch": count}
        with _unlogged(trainer), trainer.compute_loss_context_manager():
            return self._compute_loss(model, inputs, *rest, **named)


def _check(trainer: Trainer, args: TrainingArguments) -> None:
    devices = max(args.world_size, args.n_gpu)
    if devices > 1 or trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
        raise UsageError(
            f"devices = {devices}, DeepSpeed = {bool(trainer.is_deepspeed_enabled)}, "
            f"FSDP = {bool(trainer.is_fsdp_enabled)}",
            "HuggingFaceScope measures a training in one process, on one device, unsharded",
            "show the training a single device, or leave HuggingFaceScope out",
        )


@contextmanager
def _unlogged(trainer: Trainer) -> Generator[None]:
    """Inside, what a custom loss logs goes nowhere."""
    own = vars(trainer).get("log")
    vars(trainer)["log"] = _nothing
    try:
        yield
    finally:
        del vars(trainer)["log"]
        if own is not None:
            vars(trainer)["log"] = own


def _nothing(*_: Any, **__: Any) -> None:
    """Log nothing."""
