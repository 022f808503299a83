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
from landscope.landscape.batch_statistics import with_attributes
from landscope.landscape.objective import LossFn, Objective
from landscope.landscape.parameters import Parameters, trainable
from landscope.landscape.random_state import RandomState, TorchStreams, devices_of
from landscope.scope.forward_pass import ForwardPass
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
        drawn: Where torch's streams stood at the update, where only that tells whether the pass
            of the training drew the objective's numbers.
        skipped: Whether a fused optimiser left everything as it was, because the ``GradScaler``
            found an overflow.
        seconds: What the keeping took.
        error: What went wrong.
    """

    def __init__(self, called: nn.Module, model: nn.Module, loss_fn: LossFn | None) -> None:
        self._model = model
        self._loss_fn = loss_fn
        self._handles: list[RemovableHandle] = []
        self.objective: Objective | None = None
        self._closed = False
        self._forward = ForwardPass(called, model, self._at_forward)
        self._loss_scale = 1.0
        self.before: Parameters | None = None
        self.used: Parameters | None = None
        self.lr = float("nan")
        self.batches = 0
        self.redrawn = False
        self.drawn: TorchStreams | None = None
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
            self._loss_scale = _scale(scaler)
            if self._loss_fn is not None:
                # Of several batches the last is measured: docs/decisions/scope.md says why.
                self.objective = Objective.now(
                    self._model, self._loss_fn, inputs, targets, loss_scale=self._loss_scale
                )
                # A loss of the model and the batch may call a method of it, and not itself.
                self._forward.wait(parts=targets is IN_BATCH and not self._compiled)
            if callable(getattr(optimizer, "register_step_pre_hook", None)):
                self._handles.append(optimizer.register_step_pre_hook(self._at_update))
            else:
                # What lies in .grad now is of the batch before this one.
                self._at_update(optimizer, (), {}, begun=False)

    def end(self) -> None:
        """After a batch, whether it went well or not: nothing stays hung on the training."""
        self._forward.stop()
        while self._handles:
            self._handles.pop().remove()

    def overflowed(self, scaler: Any) -> bool:
        """Whether the ``GradScaler`` skipped the update since the last batch began.

        It lowers its scale then, and what was kept so far belongs to no update.
        """
        return self.batches > 0 and _scale(scaler) < self._loss_scale

    def _at_forward(self, whole: bool) -> None:
        # Since the block was entered the loop may have entered autocast, set the mode or drawn.
        with self._apart():
            if self.objective is None:
                return
            devices = devices_of(self._model)
            self.objective = replace(
                self.objective,
                autocast=Autocast.capture(devices),
                standing=with_attributes(
                    self.objective.standing, lambda module: {"training": module.training}
                ),
            )
            # A loss that calls the model itself draws what it draws before that as well.
            if whole and self.objective.targets is not IN_BATCH:
                self.objective = replace(self.objective, random_state=RandomState.capture(devices))

    def _at_update(self, optimizer: Any, args: Any, kwargs: Any, *, begun: bool = True) -> Any:
        if self.before is not None:
            return None
        with self._apart():
            self.before = {name: t.clone() for name, t in trainable(self._model).items()}
            self.lr = main_lr(optimizer)
            # What a GradScaler leaves for a fused optimiser to do: to unscale, and to skip.
            self._grad_scale = getattr(optimizer, "grad_scale", None)
            self.skipped = bool(getattr(optimizer, "found_inf", False))
            # That of several batches is not the gradient of the one that is measured.
            if begun and self.objective is not None and self.batches == 1:
                own, given = args[:1], args[1:]  # the optimiser itself may be callable
                if any(map(callable, (*given, *kwargs.values()))):
                    # There is no gradient before the optimiser has called what computes it.
                    return (
                        (*own, *(self._noted(each, optimizer) for each in given)),
                        {name: self._noted(each, optimizer) for name, each in kwargs.items()},
                    )
                self._take_used(optimizer)
        return None

    def _noted(self, given: Any, optimizer: Any) -> Any:
        """A closure that notes the gradients it has left; anything else as it is."""
        if not callable(given):
            return given

        def noting(*args: Any, **kwargs: Any) -> Any:
            result = given(*args, **kwargs)
            with self._apart():
                if self._closed:
                    self.used = None  # of several points, none is the gradient that was used
                else:
                    self._take_used(optimizer)
                self._closed = True
            return result

        return noting

    def _take_used(self, optimizer: Any) -> None:
        if self.objective is None:
            return
        now = TorchStreams.capture(devices_of(self._model))
        # A pass that no hook has seen was compiled from outside, or the hook was compiled away.
        if self._compiled or self._forward.unseen:
            self.redrawn = now != self.objective.random_state.streams
        elif self.objective.targets is IN_BATCH:
            self.drawn = now  # the block may have drawn before its pass, or after
        if self.redrawn:
            return
        owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
        self.used = {
            name: torch.zeros_like(p) if p.grad is None else self._unscaled(_dense(p.grad))
            for name, p in self._model.named_parameters()
            if p.requires_grad and id(p) in owned
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
