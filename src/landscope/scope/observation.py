"""What must be kept of a step while it happens, each part at the moment at which it stands."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from landscope.landscape.autocast import Autocast
from landscope.landscape.batch import IN_BATCH
from landscope.landscape.objective import LossFn, Objective
from landscope.landscape.parameters import Parameters, trainable
from landscope.landscape.random_state import RandomState, TorchStreams, devices_of
from landscope.scope.unwrapping import is_compiled


class Observation:
    """One update as it happens, over the one or several batches whose gradients it adds up.

    What goes wrong here is kept and not raised: it must not reach the training.

    Args:
        called: The network as the loop calls it.
        model: The network itself, without what compiles or distributes it.
        loss_fn: The loss, in one of its two forms; None where only the parameters are kept.

    Attributes:
        objective: The last batch's loss as a function of the parameters.
        before: Copies of the parameters before the update.
        used: Copies of what the optimiser found in ``.grad``, where that belongs to the objective.
        lr: Learning rate of the update; NaN where there is none.
        batches: How many batches it adds up.
        redrawn: Whether the training draws other random numbers than the objective, as compiled
            code does.
        skipped: Whether a fused optimiser left everything as it was, because the ``GradScaler``
            found an overflow.
        seconds: What the keeping took.
        error: What went wrong.
    """

    def __init__(self, called: nn.Module, model: nn.Module, loss_fn: LossFn | None) -> None:
        self._called = called
        self._model = model
        self._loss_fn = loss_fn
        self._handles: list[RemovableHandle] = []
        self.objective: Objective | None = None
        self._closed = False
        self._unseen = False
        self.before: Parameters | None = None
        self.used: Parameters | None = None
        self.lr = float("nan")
        self.batches = 0
        self.redrawn = False
        self.skipped = False
        self._compiled = is_compiled(called)
        self._grad_scale: Tensor | None = None
        self.seconds = 0.0
        self.error: Exception | None = None

    def begin(self, inputs: Any, targets: Any, scaler: Any, optimizer: Any) -> None:
        """Before a batch is trained on.

        Args:
            inputs: As for an :class:`Objective`.
            targets: As for an :class:`Objective`.
            scaler: A ``GradScaler``, or None.
            optimizer: What will make the update.
        """
        self.batches += 1
        with self._apart():
            if self._loss_fn is not None:
                # Of several batches the last is measured: docs/decisions/scope.md says why.
                self.objective = Objective.now(
                    self._model, self._loss_fn, inputs, targets, loss_scale=_scale(scaler)
                )
                # Where a model is compiled in place, a hook on it changes what is compiled.
                if getattr(self._called, "_compiled_call_impl", None) is None:
                    self._handles.append(self._called.register_forward_pre_hook(self._at_forward))
                    self._unseen = True
            if callable(getattr(optimizer, "register_step_pre_hook", None)):
                self._handles.append(optimizer.register_step_pre_hook(self._at_update))
            else:
                self._at_update(optimizer, (), {})

    def end(self) -> None:
        """After a batch, whether it went well or not: nothing stays hung on the training."""
        while self._handles:
            self._handles.pop().remove()

    def _at_forward(self, *_: Any) -> None:
        # What is compiled while this hangs on the model must not have it inside, at this call and
        # at all those to come: it would be cut in two here, and draw other numbers.
        if torch.compiler.is_compiling():
            return
        # After the block was entered the loop may have drawn numbers and entered autocast.
        with self._apart():
            self._unseen = False
            self._handles.pop(0).remove()
            devices = devices_of(self._model)
            if self.objective is not None:
                self.objective = replace(self.objective, autocast=Autocast.capture(devices))
                # A loss that calls the model itself draws what it draws before that as well.
                if self.objective.targets is not IN_BATCH:
                    streams = RandomState.capture(devices)
                    self.objective = replace(self.objective, random_state=streams)

    def _at_update(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if self.before is not None:
            return None
        with self._apart():
            self.before = {name: t.clone() for name, t in trainable(self._model).items()}
            self.lr = main_lr(optimizer)
            # What a GradScaler leaves for a fused optimiser to do: to unscale, and to skip.
            self._grad_scale = getattr(optimizer, "grad_scale", None)
            self.skipped = bool(getattr(optimizer, "found_inf", False))
            # That of several batches is not the gradient of the one that is measured.
            if self.objective is not None and self.batches == 1:
                if any(map(callable, (*args, *kwargs.values()))):
                    # There is no gradient before the optimiser has called what computes it.
                    return (
                        tuple(map(self._noted, args)),
                        {name: self._noted(given) for name, given in kwargs.items()},
                    )
                self._take_used()
        return None

    def _noted(self, given: Any) -> Any:
        """A closure that notes the gradients it has left; anything else as it is."""
        if not callable(given):
            return given

        def noting() -> Any:
            result = given()
            with self._apart():
                if self._closed:
                    self.used = None  # of several points, none is the gradient that was used
                else:
                    self._take_used()
                self._closed = True
            return result

        return noting

    def _take_used(self) -> None:
        # A pass that no hook has seen was compiled from outside, or the hook was compiled away.
        if self.objective is not None and (self._compiled or self._unseen):
            now = TorchStreams.capture(devices_of(self._model))
            self.redrawn = now != self.objective.random_state.streams
        if self.redrawn:
            return
        self.used = {
            name: torch.zeros_like(p) if p.grad is None else self._unscaled(_dense(p.grad))
            for name, p in self._model.named_parameters()
            if p.requires_grad
        }

    def _unscaled(self, gradient: Tensor) -> Tensor:
        return gradient if self._grad_scale is None else gradient / self._grad_scale

    @contextmanager
    def _apart(self) -> Generator[None]:
        start = time.perf_counter()
        try:
            yield
        except Exception as error:
            self.error = self.error or error
        finally:
            self.seconds += time.perf_counter() - start


def _dense(gradient: Tensor) -> Tensor:
    """A copy. Embeddings can have gradients that are sparse."""
    copy = gradient.detach().clone()
    return copy if copy.layout == torch.strided else copy.to_dense()


def main_lr(optimizer: Any) -> float:
    """The learning rate of the group with most entries; NaN where no group has one."""
    groups = [group for group in optimizer.param_groups if "lr" in group]
    if not groups:
        return float("nan")
    largest = max(groups, key=lambda group: sum(p.numel() for p in group["params"]))
    return float(largest["lr"])


def _scale(scaler: Any) -> float:
    return float(scaler.get_scale()) if scaler is not None and scaler.is_enabled() else 1.0
