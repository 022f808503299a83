"""Recording: one real forward pass, put on a tape, with the order in which it uses its weights."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from landscope.landscape.autocast import Autocast
from landscope.landscape.objective import Objective, check_dependence
from landscope.landscape.parameters import Parameters
from landscope.landscape.random_state import TorchStreams, devices_of
from landscope.landscape.tape import Context, Operation, Tape, tensors_in, with_slots
from landscope.landscape.torch_functions import METADATA, UNSAFE, name_of, only_watches, opened


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


def record(objective: Objective, parameters: Parameters) -> Recording:
    """Run one forward pass at some point, and put it on a tape.

    Args:
        objective: The batch and the network.
        parameters: The point.

    Raises:
        UsageError: ``loss_fn`` gave something else than one number, or one that no parameter
            enters.
    """
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
        self._met: list[_Met] = []
        self._obstacle: str | None = None
        # Tensors are known by identity, and not kept alive: a recording needs no more memory than
        # the pass. Only what does not depend on the parameters is kept.
        self._slots = WeakTensorKeyDictionary()
        self._storages: list[int] = []
        self._values: dict[int, Tensor] = {}
        self._dependent: set[int] = set()
        self._parameters = {name: self._add(tensor) for name, tensor in parameters.items()}
        self._dependent |= {self._storages[slot] for slot in self._parameters.values()}
        self._buffers = {name: self._add(tensor) for name, tensor in buffers.items()}
        self._names = {slot: name for name, slot in self._parameters.items()}
        self._outside: set[int] = set()
        self._first_uses: dict[str, int] = {}
        self._context: Context | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        kwargs = kwargs or {}
        given = list(tensors_in((args, kwargs)))
        if any(map(is_functorch_wrapped_tensor, given)):
            self._cannot("the pass uses a transform of torch.func")
            return func(*args, **kwargs)
        if self._spans_modules(given) and (inner := opened(func)) is not None:
            with self:
                return inner(*args, **kwargs)
        if func in METADATA or only_watches(func, args):
            return func(*args, **kwargs)
        context = self._surroundings()
        reads = [self._slot_of(tensor) for tensor in given]
        template = with_slots((args, kwargs), self._slot_of)
        versions = [_version(tensor) for tensor in given]
        depends = any(self._storages[slot] in self._dependent for slot in reads)
        before = TorchStreams.capture(self._devices)
        result = func(*args, **kwargs)
        streams = TorchStreams.capture(self._devices)
        made = list(tensors_in(result))
        written = {
            self._storages[slot]
            for slot, tensor, version in zip(reads, given, versions, strict=True)
            if _version(tensor) != version
        }
        if depends and (func in UNSAFE or not (made or written)):
            self._cannot(f"the pass looks into a tensor with {name_of(func)}")
        if not made and not written:
            return result
        self._note_first_uses(reads)
        makes: list[int] = []
        self._dependent |= written if depends else set()
        for tensor in made:
            # The results of one operation may share a storage too.
            makes.append(self._result(tensor, given, depends=depends))
            given.append(tensor)
        operation = Operation(
            func,
            *template,
            reads=tuple(dict.fromkeys(reads)),
            makes=tuple(makes),
            shapes=tuple(tensor.shape for tensor in made),
            writes=tuple(written),
            context=context,
            draws=None if streams == before else (before, streams),
        )
        self._met.append(_Met(operation, depends))
        return result

    def finished(self, loss: Tensor) -> Recording:
        """What the pass showed, with the operations that its loss depends on."""
        slot = self._slots.get(loss)
        if slot is None:
            self._cannot("the loss is not a result of torch functions that can be seen")
        self._check_backward(loss)
        written = {storage for met in self._met for storage in met.operation.writes}
        if written & {self._storages[s] for s in self._parameters.values()}:
            self._cannot("the pass changes a parameter in place")
        if written & {self._storages[s] for s in self._outside}:
            self._cannot("the pass changes in place a tensor that it has not made")
        numbers = self._needed(slot, written) if slot is not None else []
        starts = {name: bisect_left(numbers, n) for name, n in self._first_uses.items()}
        if self._obstacle is not None or slot is None:
            return Recording(starts, loss.detach(), None, self._obstacle)
        tape = Tape(
            [self._met[number].operation for number in numbers],
            self._parameters,
            self._buffers,
            {s: t for s, t in self._values.items() if self._storages[s] not in written},
            self._storages,
            slot,
        )
        return Recording(starts, loss.detach(), tape, None)

    def _needed(self, loss: int, written: set[int]) -> list[int]:
        """Numbers of the operations that must run again, from the last to the first."""
        slots, storages = {loss}, {self._storages[loss]}
        numbers: list[int] = []
        for number in reversed(range(len(self._met))):
            operation = self._met[number].operation
            touched = {self._storages[s] for s in operation.makes} | set(operation.writes)
            # What does not depend on the parameters is kept as it was, unless it is written on.
            varies = self._met[number].depends or touched & written
            if varies and (slots.intersection(operation.makes) or storages & set(operation.writes)):
                numbers.append(number)
                slots.update(operation.reads)
                storages.update(self._storages[s] for s in operation.reads)
        return numbers[::-1]

    def _spans_modules(self, given: list[Tensor]) -> bool:
        slots = (self._slots.get(tensor) for tensor in given)
        names = {self._names[s].rpartition(".")[0] for s in slots if s in self._names}
        return len(names) > 1

    def _surroundings(self) -> Context:
        context = Context(torch.is_grad_enabled(), Autocast.capture(self._devices))
        # One object for all operations that share it, so that a tape enters it once for them all.
        if context != self._context:
            self._context = context
        return self._context or context

    def _slot_of(self, tensor: Tensor) -> int:
        slot = self._slots.get(tensor)
        if slot is None:
            slot = self._add(tensor)
            self._outside.add(slot)
            self._values[slot] = tensor
            if tensor.requires_grad and not tensor.is_leaf:
                self._cannot("a tensor with a gradient comes from where no torch function is seen")
        else:
            self._check_backward(tensor)
        return slot

    def _add(self, tensor: Tensor, storage: int | None = None) -> int:
        slot = len(self._storages)
        self._slots[tensor] = slot
        self._storages.append(slot if storage is None else storage)
        return slot

    def _result(self, tensor: Tensor, given: list[Tensor], *, depends: bool) -> int:
        slot = self._slots.get(tensor)
        if slot is None:
            slot = self._add(tensor, self._shared_storage(tensor, given))
            if not depends:
                self._values[slot] = tensor
        if depends:
            self._dependent.add(self._storages[slot])
        return slot

    def _shared_storage(self, tensor: Tensor, given: list[Tensor]) -> int | None:
        place = _place(tensor)
        if place is None:
            return None
        for other in given:
            if _place(other) == place:
                return self._storages[self._slot_of(other)]
        return None

    def _note_first_uses(self, reads: list[int]) -> None:
        for slot in reads:
            name = self._names.pop(slot, None)
            if name is not None:
                self._first_uses[name] = len(self._met)

    def _check_backward(self, tensor: Tensor) -> None:
        if isinstance(tensor.grad_fn, BackwardCFunction):
            self._cannot("the pass uses a torch.autograd.Function with a backward of its own")

    def _cannot(self, obstacle: str) -> None:
        # The first obstacle is the one that a person can do something about.
        self._obstacle = self._obstacle or obstacle


def _version(tensor: Tensor) -> int:
    # Tensors of the inference mode do not count their changes.
    return 0 if tensor.is_inference() else tensor._version


def _place(tensor: Tensor) -> int | None:
    """Where a tensor's numbers lie; None for those that have no plain storage, or nothing in it."""
    if tensor.layout != torch.strided:
        return None
    return tensor.untyped_storage().data_ptr() or None
