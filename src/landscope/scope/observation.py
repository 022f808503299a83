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
from landscope.landscape.random_state import RandomState, devices_of


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
        self.before: Parameters | None = None
        self.used: Parameters | None = None
        self.lr = float("nan")
        self.batches = 0
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
                self._handles.append(self._called.register_forward_pre_hook(self._at_forward))
            if callable(getattr(optimizer, "register_step_pre_hook", None)):
                self._handles.append(optimizer.register_step_pre_hook(self._at_update))
            else:
                self._at_update(optimizer, (), {})

    def end(self) -> None:
        """After a batch, whether it went well or not: nothing stays hung on the training."""
        while self._handles:
            self._handles.pop().remove()

    def _at_forward(self, *_: Any) -> None:
        # After the block was entered the loop may have drawn numbers and entered autocast.
        with self._apart():
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
        self.used = {
            name: torch.zeros_like(p) if p.grad is None else _dense(p.grad)
            for name, p in self._model.named_parameters()
            if p.requires_grad
        }

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
