"""A forward pass as a tape of torch operations, which can be run again from any of them on.

What runs before a layer's weights are first used does not depend on them. With the pass on a tape,
that prefix is computed once, and only what follows is run again, at other parameters.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from landscope.objective.arguments import Arguments, tensors_in
from landscope.objective.autocast import Autocast
from landscope.objective.parameters import Parameters
from landscope.objective.random_state import TorchStreams
from landscope.objective.torch_functions import name_of


class ReplayError(Exception):
    """A tape does not run at other parameters as it ran where it was recorded."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds an operation and decides how torch computes it.

    Args:
        grad: Whether gradients are recorded.
        autocast: Mixed precision.
    """

    grad: bool
    autocast: Autocast


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a torch function.

    Args:
        func: The function.
        arguments: What it is called with, and where the tensors go.
        reads: Slots among the arguments.
        makes: Slots of the tensors in its result, in the order in which they appear there.
        shapes: Shapes of those tensors.
        writes: Storages that it changes in place.
        context: What surrounds it.
        draws: The random streams before and after it, where it draws from them.
    """

    func: Callable[..., Any]
    arguments: Arguments
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    shapes: tuple[torch.Size, ...]
    writes: tuple[int, ...]
    context: Context
    draws: tuple[TorchStreams, TorchStreams] | None

    def perform(self, tensors: list[Tensor | None]) -> None:
        """Call the function on the tensors in its slots, and put its results in theirs.

        Raises:
            ReplayError: It does not run as it ran when it was recorded.
        """
        if self.draws is not None:
            self.draws[0].restore()
        result = self.arguments.call(self.func, tensors)
        made = [result] if isinstance(result, Tensor) else tensors_in(result)
        for slot, tensor, shape in zip(self.makes, made, self.shapes, strict=True):
            if tensor.shape != shape:
                raise ReplayError(f"the shape of {name_of(self.func)}'s result varies")
            tensors[slot] = tensor
        if self.draws is not None and TorchStreams.capture(self.draws[1].devices) != self.draws[1]:
            raise ReplayError(f"how many numbers {name_of(self.func)} draws varies")


@dataclass
class Position:
    """A pass that stands before one of its operations.

    Args:
        at: Number of the operation that is next.
        tensors: The tensor in each slot; None where it is not there yet, or no longer needed.
    """

    at: int
    tensors: list[Tensor | None]


class Tape:
    """The operations of one pass that its loss depends on.

    Args:
        operations: In the order of execution.
        parameters: Slot of each parameter that the pass uses, by name.
        buffers: Slot of each buffer that it uses, by name.
        constants: Tensors that do not depend on the parameters, by slot.
        storages: The storage behind each slot; views of one tensor share theirs.
        loss: Slot of the loss.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        parameters: dict[str, int],
        buffers: dict[str, int],
        constants: dict[int, Tensor],
        storages: Sequence[int],
        loss: int,
    ) -> None:
        self.operations = tuple(operations)
        self._parameters = parameters
        self._buffers = buffers
        self._constants = constants
        self._storages = tuple(storages)
        self._loss = loss
        last_read = {slot: n for n, op in enumerate(operations) for slot in op.reads}
        # What nothing later reads is let go at once: autograd keeps what it needs.
        self._done_with: list[list[int]] = [[] for _ in operations]
        for slot, number in last_read.items():
            self._done_with[number].append(slot)
        self._last_write = {storage: n for n, op in enumerate(operations) for storage in op.writes}

    def start(self, buffers: Parameters) -> Position:
        """The pass before its first operation.

        Args:
            buffers: The buffers of the step, which are left as they are.
        """
        tensors: list[Tensor | None] = [None] * len(self._storages)
        for slot, tensor in self._constants.items():
            tensors[slot] = tensor
        for name, slot in self._buffers.items():
            # A norm writes its running statistics behind torch's back: no write on them is seen.
            tensors[slot] = buffers[name].clone()
        return self.branch(Position(0, tensors))

    def branch(self, position: Position) -> Position:
        """A pass that goes on from where another stands, and leaves that one untouched.

        Tensors are shared, but for those on which an operation still to come writes.
        """
        tensors = list(position.tensors)
        families: dict[int, list[int]] = {}
        for slot, tensor in enumerate(tensors):
            storage = self._storages[slot]
            if tensor is not None and self._last_write.get(storage, -1) >= position.at:
                families.setdefault(storage, []).append(slot)
        for slots in families.values():
            copies = _copied([t for t in map(tensors.__getitem__, slots) if t is not None])
            for slot, copy in zip(slots, copies, strict=True):
                tensors[slot] = copy
        return Position(position.at, tensors)

    def cuts(self, start: int, segments: int) -> list[int]:
        """Operations before which the rest of a pass can be parted, in order.

        The segments make about equally many numbers. No cut is made where a tensor that crosses
        it is still written on.

        Args:
            start: Where the pass stands.
            segments: How many parts are wanted; fewer where so many cannot be had.
        """
        if segments == 1:
            return []
        made = [sum(map(math.prod, op.shapes)) for op in self.operations[start:]]
        possible = self._uncrossed_by_writes(start)
        wanted = [sum(made) * part / segments for part in range(1, segments)]
        found: list[int] = []
        reached = 0
        for number, size in enumerate(made, start):
            if wanted and reached >= wanted[0] and number in possible:
                found.append(number)
                wanted = [mark for mark in wanted if mark > reached]
            reached += size
        return found

    def _uncrossed_by_writes(self, start: int) -> set[int]:
        """Where no tensor that a pass makes or changes after ``start`` is still to be changed."""
        possible: set[int] = set()
        blocked_until = start
        for number, op in enumerate(self.operations[start:], start):
            if number > blocked_until:
                possible.add(number)
            touched = {*op.writes, *map(self._storages.__getitem__, op.makes)}
            last = (self._last_write.get(storage, -1) for storage in touched)
            blocked_until = max(blocked_until, *last)
        return possible

    def rooted(self, position: Position) -> tuple[Position, list[Tensor]]:
        """A copy of a position in which what the pass has computed so far begins a graph.

        Returns:
            The copy, and its roots; neither shares memory with the pass.
        """
        position = self.branch(position)
        tensors = position.tensors
        given = {*self._constants, *self._buffers.values(), *self._parameters.values()}
        roots: list[Tensor] = []
        for slot, tensor in enumerate(tensors):
            if tensor is not None and slot not in given and tensor.is_floating_point():
                roots.append(tensor.detach().requires_grad_())
                # Not the root itself: an operation to come may write on it.
                tensors[slot] = roots[-1].clone()
        return position, roots

    def advance(
        self, position: Position, to: int, point: Parameters, *, differentiate: bool = False
    ) -> None:
        """Run a pass on until it stands before operation ``to``.

        Args:
            position: Where it stands, and then stands there.
            to: Number of an operation that is not behind it.
            point: The parameters.
            differentiate: Whether to record gradients, for the parameters that require one.

        Raises:
            ReplayError: An operation does not run as it ran when it was recorded.
        """
        self._run(position, to, point, differentiate=differentiate)

    def finish(
        self, position: Position, point: Parameters, *, differentiate: bool = True
    ) -> Tensor:
        """Run a pass to its end, and give its loss.

        Args:
            position: Where it stands; it is used up.
            point: The parameters.
            differentiate: Whether to record gradients, for the parameters that require one.

        Raises:
            ReplayError: An operation does not run as it ran when it was recorded.
        """
        self._run(position, len(self.operations), point, differentiate=differentiate)
        loss = position.tensors[self._loss]
        if loss is None:
            raise ReplayError("the loss is not a result of the pass")
        return loss

    def _run(self, position: Position, to: int, point: Parameters, *, differentiate: bool) -> None:
        tensors = position.tensors
        for name, slot in self._parameters.items():
            tensors[slot] = point[name]
        steps = zip(
            self.operations[position.at : to], self._done_with[position.at : to], strict=True
        )
        for context, group in itertools.groupby(steps, key=lambda step: step[0].context):
            with (
                torch.set_grad_enabled(context.grad and differentiate),
                context.autocast.replayed(),
            ):
                for operation, done_with in group:
                    operation.perform(tensors)
                    for slot in done_with:
                        tensors[slot] = None
        position.at = to


def _copied(family: Sequence[Tensor]) -> list[Tensor]:
    """Copies of tensors that share one storage, which again share one."""
    first, *others = family
    if not others:
        copy = first.clone()
        if copy.stride() == first.stride():
            return [copy]
    if any(other.dtype != first.dtype for other in others):
        raise ReplayError("a tensor is changed in place through a view of another type")
    whole = first.new_empty(0).set_(first.untyped_storage()).clone()
    # Views of one tensor for autograd too: what is written through one is read through another.
    with torch.enable_grad():
        return [whole.as_strided(t.shape, t.stride(), t.storage_offset()) for t in family]
