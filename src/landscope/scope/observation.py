"""What is kept of a step while it happens, each part at the right moment."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from landscope.objective.batch import IN_BATCH, brought_up_to_date, tensors_of
from landscope.objective.global_state import no_modes
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import Parameters, trainable
from landscope.objective.random_state import TorchStreams, devices_of
from landscope.scope.passes import BackwardPass, ForwardPass, dense
from landscope.scope.settings import has_hooks, is_compiled


class Observation:
    """One update as it happens, over the one or more batches whose gradients it accumulates.

    Errors here are stored, not raised: they must not reach the training.

    Args:
        called: The network as the loop calls it.
        model: The network itself, without what compiles or distributes it.
        loss_fn: The loss, in one of its two forms; None if only the parameters are kept.
        shadow: Whether to evaluate the loss on a shadow of the network.

    Attributes:
        objective: The last batch's loss as a function of the parameters.
        before: Copies of the parameters before the update, as the forward pass found them.
        backward: The backward pass of the last batch.
        used: Copies of what the optimiser found in ``.grad``, if that belongs to the objective.
        lr: Learning rate of the update; NaN if there is none.
        batches: How many batches it accumulates.
        redrawn: Whether the training draws different random numbers from the objective, as compiled
            code does.
        drawn: State of torch's streams at the update, if only that shows whether the training's
            pass drew the objective's numbers.
        skipped: Whether a fused optimiser skipped the update because the ``GradScaler`` found an
            overflow.
        seconds: Seconds spent on keeping.
        error: The error; None if there was none.
    """

    def __init__(
        self, called: nn.Module, model: nn.Module, loss_fn: LossFn | None, *, shadow: bool = True
    ) -> None:
        self._model = model
        self._loss_fn = loss_fn
        self._shadow = shadow
        self._handles: list[RemovableHandle] = []
        self._tensors: list[list[Tensor]] = []  # of the inputs and of the targets, as given
        self.objective: Objective | None = None
        self._closed = False
        self._owned: set[str] | None = None
        self._optimizers: Sequence[Any] = ()
        self._forward = ForwardPass(called, model, self._at_forward)
        self.backward = BackwardPass(model, self._apart)
        self._loss_scale = 1.0
        self.before: Parameters | None = None
        self.used: Parameters | None = None
        self.lr = float("nan")
        self.batches = 0
        self.redrawn = False
        self.drawn: TorchStreams | None = None
        self.skipped = False
        self._compiled = is_compiled(called)
        self.seconds = 0.0
        self.error: Exception | None = None

    @property
    def computed(self) -> Parameters | None:
        """Copies of the gradients from the backward pass of the last batch; None if unknown.

        Only for the parameters in the optimisers, and without the scale of a ``GradScaler``.
        """
        given = self.backward.gradient
        if not given or self.redrawn:
            return None
        point = trainable(self._model)
        names = given.keys() if self._owned is None else self._owned
        return {
            name: given[name] * (1 / self._loss_scale)
            if name in given
            else torch.zeros_like(point[name])
            for name in names
            if name in point
        }

    def begin(self, inputs: Any, targets: Any, scaler: Any, optimizers: Sequence[Any]) -> None:
        """Before a batch is trained on.

        Args:
            inputs: As for an :class:`Objective`.
            targets: As for an :class:`Objective`.
            scaler: A ``GradScaler``, or None.
            optimizers: The optimisers that will make the update.
        """
        self.batches += 1
        self._optimizers = optimizers
        with self._apart():
            self._loss_scale = _scale(scaler)
            if self._loss_fn is not None:
                self._tensors = [list(tensors_of(part)) for part in (inputs, targets)]
                # Among several batches the last is measured: docs/decisions/scope.md says why.
                self.objective = Objective.now(
                    self._model,
                    self._loss_fn,
                    inputs,
                    targets,
                    loss_scale=self._loss_scale,
                    shadow=self._shadow,
                )
                # A loss of the model and the batch may call a method of it, and not itself.
                self._forward.wait(parts=targets is IN_BATCH and not self._compiled)
                if not self._compiled:
                    self.backward.wait()
            for optimizer in optimizers:
                if has_hooks(optimizer):
                    self._handles.append(optimizer.register_step_pre_hook(self._at_update))
                else:
                    # .grad still holds the gradient of the batch before this one.
                    self._at_update(optimizer, (), {}, begun=False)
            if not optimizers:
                self._keep_before()

    def end(self) -> None:
        """After a batch, whether it succeeded or not: remove every hook."""
        if not any(map(has_hooks, self._optimizers)):
            with self._apart():
                self._compare_streams()
        self._forward.stop()
        self.backward.stop()
        self._tensors = []
        while self._handles:
            self._handles.pop().remove()

    def overflowed(self, scaler: Any) -> bool:
        """Whether the ``GradScaler`` skipped the update since the last batch began.

        Then it lowers its scale, and what was kept so far belongs to no update.
        """
        return self.batches > 0 and _scale(scaler) < self._loss_scale

    def _at_forward(self, whole: bool) -> None:
        # Since the block was entered the loop may have entered autocast, set the mode, an attribute
        # or a buffer, written on the batch, or drawn.
        with self._apart():
            self._keep_before()
            if self.objective is None:
                return
            # A loss that calls the model itself draws what it draws before that as well.
            streams = whole and self.objective.targets is not IN_BATCH
            self.objective = self.objective.retaken(streams=streams)
            copies = (self.objective.inputs, self.objective.targets)
            for copy, tensors in zip(copies, self._tensors, strict=True):
                brought_up_to_date(copy, tensors)

    def _keep_before(self) -> None:
        # As the first batch's pass finds them: an optimiser may step within the backward pass.
        if self.before is None:
            self.before = {name: t.clone() for name, t in trainable(self._model).items()}

    def _at_update(self, optimizer: Any, args: Any, kwargs: Any, *, begun: bool = True) -> Any:
        with self._apart():
            self._keep_before()
            if self._owned is None:
                self._owned = _names_of(self._model, self._optimizers)
                self.lr = main_lr(self._optimizers)
            found = getattr(optimizer, "found_inf", None)
            self.skipped = isinstance(found, Tensor) and bool(found)
            if not begun or self.objective is None:
                return None
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
        """A closure that notes the gradients it leaves; anything else unchanged."""
        if not callable(given):
            return given

        def noting(*args: Any, **kwargs: Any) -> Any:
            result = given(*args, **kwargs)
            with self._apart():
                if self._closed:
                    self.used = None  # with several points, none is the gradient that was used
                else:
                    self._take_used(optimizer)
                self._closed = True
            return result

        return noting

    def _take_used(self, optimizer: Any) -> None:
        self._compare_streams()
        # The gradient of several batches is not that of the measured one.
        if self.redrawn or self.batches > 1:
            return
        # A GradScaler leaves the unscaling to a fused optimiser.
        scale = getattr(optimizer, "grad_scale", None)
        owned = _names_of(self._model, [optimizer])
        found = {
            name: torch.zeros_like(p) if p.grad is None else _over(dense(p.grad), scale)
            for name, p in self._model.named_parameters()
            if p.requires_grad and name in owned
        }
        # If several optimisers train one network, each is read when it first steps.
        self.used = found | (self.used or {})

    def _compare_streams(self) -> None:
        if self.objective is None:
            return
        now = TorchStreams.capture(devices_of(self._model))
        # If no hook saw the pass, it was compiled from outside, or the hook was compiled away.
        if self._compiled or self._forward.unseen:
            self.redrawn = now != self.objective.random_state.streams
        elif self.objective.targets is IN_BATCH:
            self.drawn = now  # the block may have drawn before its pass, or after

    @contextmanager
    def _apart(self) -> Generator[None]:
        start = time.perf_counter()
        try:
            with no_modes():
                yield
        except Exception as error:
            self.error = self.error or error
        finally:
            self.seconds += time.perf_counter() - start


def _over(gradient: Tensor, scale: Any) -> Tensor:
    return gradient / scale if isinstance(scale, Tensor) else gradient


def main_lr(optimizers: Sequence[Any]) -> float:
    """The learning rate of the largest parameter group whose rate is not 0.

    It is 0 if all rates are 0, and NaN if no group has one.
    """
    groups = [group for each in optimizers for group in each.param_groups if "lr" in group]
    if not groups:
        return float("nan")
    rated = [(float(group["lr"]), sum(p.numel() for p in group["params"])) for group in groups]
    # During a warm-up, or before layers are thawed, the largest group may have a rate of 0.
    return max(rated, key=lambda each: (each[0] != 0, each[1]))[0]


def _names_of(model: nn.Module, optimizers: Sequence[Any]) -> set[str]:
    """The names of a model's parameters that are in the optimisers."""
    owned = {id(p) for each in optimizers for group in each.param_groups for p in group["params"]}
    return {name for name, p in model.named_parameters() if id(p) in owned}


def _scale(scaler: Any) -> float:
    return float(scaler.get_scale()) if scaler is not None and scaler.is_enabled() else 1.0
