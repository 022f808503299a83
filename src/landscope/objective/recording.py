"""Recording: one real forward pass, put on a tape, with the order in which it uses its weights."""

import inspect
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

from landscope.objective.arguments import Arguments, tensors_in
from landscope.objective.autocast import Autocast
from landscope.objective.checks import check_dependence
from landscope.objective.met_tensors import MetTensors, version
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters
from landscope.objective.random_state import TorchStreams, devices_of
from landscope.objective.segments import GraphNeededError, no_graph_kept
from landscope.objective.tape import Context, Operation, Tape
from landscope.objective.torch_functions import (
    GRAPH,
    METADATA,
    SHAPE,
    UNSAFE,
    may_write,
    name_of,
    only_watches,
    opened,
)

# Enough to see who has asked, through whatever checks types on the way.
_FRAMES = 8


@dataclass(frozen=True, eq=False)
class Recording:
    """What one forward pass showed.

    Args:
        first_uses: Number of the operation on the tape before which each parameter is first used,
            by name, in that order. Parameters that the pass does not use are missing.
        loss: The loss without penalty, a scalar.
        tape: The pass, where it can be run again at other parameters.
        obstacle: Why it cannot, otherwise.
    """

    first_uses: dict[str, int]
    loss: Tensor
    tape: Tape | None
    obstacle: str | None


def record(objective: Objective, parameters: Parameters, *, keep_graph: bool = True) -> Recording:
    """Run one forward pass at some point, and put it on a tape.

    Args:
        objective: The batch and the network.
        parameters: The point.
        keep_graph: Whether to keep, while it runs, what a backward pass would need. Without, the
            pass takes less memory, unless it differentiates something by itself.

    Raises:
        UsageError: ``loss_fn`` gave something else than one number, or one that no parameter
            enters.
    """
    if not keep_graph:
        try:
            with no_graph_kept():
                return record(objective, parameters)
        except GraphNeededError:
            pass
    if not objective.frozen.is_known(training=objective.standing.training):
        objective.loss(parameters)  # a pass that is begun anew could not be recorded
    # Gradients are on as in a training step: what a pass does may depend on it, and so do the
    # traces that functions with a backward of their own leave.
    point = {name: tensor.detach().requires_grad_() for name, tensor in parameters.items()}
    buffers = objective.fresh_buffers()
    recorder = _Recorder(point, buffers, devices_of(objective.model))
    with torch.enable_grad(), recorder:
        loss = objective.data_loss(point, buffers)
    check_dependence(loss, list(point))
    return recorder.finished(loss)


@dataclass(frozen=True, slots=True)
class _Met:
    """An operation that may or may not be put on the tape.

    Args:
        operation: What it is.
        depends: Whether anything that it reads depends on the parameters.
    """

    operation: Operation
    depends: bool


class _Recorder(TorchFunctionMode):
    """Notes every torch function of a pass, and which tensors flow between them."""

    def __init__(
        self, parameters: Parameters, buffers: Parameters, devices: Iterable[torch.device]
    ) -> None:
        super().__init__()
        self._devices = tuple(devices)
        self._tensors = MetTensors(parameters, buffers)
        self._operations: list[_Met] = []
        # Slots whose shapes Python has seen: should one turn out otherwise, so may the pass.
        self._seen: set[int] = set()
        self._unused = {slot: name for name, slot in self._tensors.parameters.items()}
        self._first_uses: dict[str, int] = {}
        self._obstacle: str | None = None
        self._kinds = tuple(dict.fromkeys(["cpu", *(device.type for device in self._devices)]))
        self._contexts: dict[tuple[bool, ...], Context] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        kwargs = kwargs or {}
        if func in METADATA or only_watches(func, args):
            # Torch itself asks for the graph to count; anybody else may hang a hook on it.
            if func == GRAPH and not _asked_by_torch():
                self._cannot("the pass asks for the graph behind a tensor")
            if func in SHAPE:
                slots = map(self._tensors.slot, tensors_in(args))
                self._seen.update(slot for slot in slots if slot is not None)
            return func(*args, **kwargs)
        if (inner := self._opened(func, args, kwargs)) is not None:
            with self:
                return inner(*args, **kwargs)
        return self._record(func, args, kwargs)

    def finished(self, loss: Tensor) -> Recording:
        """What the pass showed, with the operations that its loss depends on."""
        tensors = self._tensors
        slot = tensors.slot(loss)
        if slot is None:
            self._cannot("the loss is not a result of torch functions that can be seen")
        self._check_backward(loss)
        written = {storage for met in self._operations for storage in met.operation.writes}
        if not written.isdisjoint(tensors.storages_of(tensors.parameters.values())):
            self._cannot("the pass changes a parameter in place")
        if tensors.are_outside(written):
            self._cannot("the pass changes in place a tensor that it has not made")
        numbers = [] if slot is None else self._needed(slot, written)
        starts = {name: bisect_left(numbers, number) for name, number in self._first_uses.items()}
        if self._obstacle is not None or slot is None:
            return Recording(starts, loss.detach(), None, self._obstacle)
        tape = Tape(
            [self._operations[number].operation for number in numbers],
            tensors.parameters,
            tensors.buffers,
            {s: t for s, t in tensors.values.items() if tensors.storages[s] not in written},
            tensors.storages,
            slot,
        )
        return Recording(starts, loss.detach(), tape, None)

    def _record(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        given: list[Tensor] = []
        slots: list[int] = []

        def slot_of(tensor: Tensor) -> int:
            given.append(tensor)
            slots.append(self._slot(tensor))
            return slots[-1]

        arguments = Arguments.of(args, kwargs, slot_of)
        weights = self._copies_of_weights(func, kwargs, given, slots)
        if self._obstacle is not None:
            # There will be no tape; the order of the layers is still wanted.
            self._note_first_uses(slots)
            result = func(*args, **kwargs)
            _put_back(weights)
            return result
        depends = self._tensors.depend(slots)
        versions = [version(tensor) for tensor in given]
        context = self._surroundings()
        before = TorchStreams.capture(self._devices)
        result = func(*args, **kwargs)
        after = TorchStreams.capture(self._devices)
        made = tensors_in(result)
        written = self._tensors.storages_of(
            slot
            for slot, tensor, earlier in zip(slots, given, versions, strict=True)
            if version(tensor) != earlier
        )
        _put_back(weights)
        if depends and (func in UNSAFE or not (made or written)):
            self._cannot(f"the pass looks into a tensor with {name_of(func)}")
        if not made and not written:
            return result
        self._note_first_uses(slots)
        if depends:
            self._tensors.make_dependent(written)
        makes = [
            self._tensors.take_result(tensor, [*given, *made[:number]], depends=depends)
            for number, tensor in enumerate(made)
        ]
        if isinstance(result, (list, tuple)):
            # How many results there are, Python has seen too.
            self._seen.update(slots)
        self._tensors.note_versions([*given, *made], written)
        operation = Operation(
            func,
            arguments,
            reads=tuple(slots),
            makes=tuple(makes),
            shapes=tuple(tensor.shape for tensor in made),
            writes=tuple(written),
            context=context,
            draws=None if after == before else (before, after),
        )
        self._operations.append(_Met(operation, depends))
        return result

    def _needed(self, loss: int, written: set[int]) -> list[int]:
        """Numbers of the operations that must run again."""
        slots = {loss} | self._seen
        storages = self._tensors.storages_of(slots)
        numbers: list[int] = []
        for number in reversed(range(len(self._operations))):
            met = self._operations[number]
            touched = self._tensors.storages_of(met.operation.makes).union(met.operation.writes)
            # What does not depend on the parameters is kept as it was, unless it is written on.
            if not met.depends and touched.isdisjoint(written):
                continue
            if not (
                slots.isdisjoint(met.operation.makes) and storages.isdisjoint(met.operation.writes)
            ):
                numbers.append(number)
                slots.update(met.operation.reads)
                storages |= self._tensors.storages_of(met.operation.reads)
        return numbers[::-1]

    def _opened(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[..., Any] | None:
        """A function that uses parameters of several modules, so that it can be cut inside."""
        if not self._unused or not isinstance(func, FunctionType):
            return None
        slots = map(self._tensors.slot, tensors_in((args, kwargs)))
        names = (self._unused[slot] for slot in slots if slot in self._unused)
        return opened(func) if len({name.rpartition(".")[0] for name in names}) > 1 else None

    def _copies_of_weights(
        self,
        func: Callable[..., Any],
        kwargs: dict[str, Any],
        given: list[Tensor],
        slots: list[int],
    ) -> list[tuple[Tensor, Tensor, int]]:
        """The weights that a function may write on, each with a copy; they are somebody else's."""
        if not may_write(func, kwargs):
            return []
        own = self._tensors.storages_of(self._tensors.parameters.values())
        pairs = zip(given, slots, strict=True)
        return [
            (tensor, tensor.detach().clone(), version(tensor))
            for tensor, slot in pairs
            if self._tensors.storages[slot] in own
        ]

    def _surroundings(self) -> Context:
        # One object for all operations that share it: a tape enters it once for them all.
        flags = (torch.is_grad_enabled(), *map(torch.is_autocast_enabled, self._kinds))
        known = self._contexts.get(flags)
        if known is not None and not any(flags[1:]):
            return known
        context = Context(flags[0], Autocast.capture(self._devices))
        if known != context:
            self._contexts[flags] = context
        return self._contexts[flags]

    def _slot(self, tensor: Tensor) -> int:
        slot = self._tensors.slot(tensor)
        if slot is not None:
            self._check_backward(tensor)
            if self._tensors.has_changed_unseen(slot, tensor):
                self._cannot("a tensor is changed where no torch function is seen")
            return slot
        if is_functorch_wrapped_tensor(tensor):
            self._cannot("the pass uses a transform of torch.func")
        elif tensor.requires_grad and not tensor.is_leaf:
            self._cannot("a tensor with a gradient comes from where no torch function is seen")
        return self._tensors.take_in(tensor)

    def _note_first_uses(self, slots: Iterable[int]) -> None:
        for slot in slots:
            name = self._unused.pop(slot, None)
            if name is not None:
                self._first_uses[name] = len(self._operations)

    def _check_backward(self, tensor: Tensor) -> None:
        if isinstance(tensor.grad_fn, BackwardCFunction):
            self._cannot("the pass uses a torch.autograd.Function with a backward of its own")

    def _cannot(self, obstacle: str) -> None:
        # The first obstacle is the one that a person can do something about.
        self._obstacle = self._obstacle or obstacle


def _put_back(weights: list[tuple[Tensor, Tensor, int]]) -> None:
    for weight, copy, earlier in weights:
        if version(weight) != earlier:
            weight.detach().copy_(copy)


def _asked_by_torch() -> bool:
    """Whether the innermost calls are those by which torch counts along a backward pass."""
    frame = inspect.currentframe()
    for _ in range(_FRAMES):
        if frame is None:
            break
        if frame.f_globals.get("__name__") == "torch.autograd.graph":
            return True
        frame = frame.f_back
    return False
