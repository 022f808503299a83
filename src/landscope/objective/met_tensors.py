"""The tensors that a pass has met: who they are, what they share, what they depend on."""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.utils.weak import TensorWeakRef

from landscope.objective.parameters import Parameters


class MetTensors:
    """A slot for each tensor that takes part in a pass.

    Tensors are known by identity, and not kept alive: to record a pass takes no more memory than
    to run it. Only what does not depend on the parameters is kept.

    Args:
        parameters: Where everything starts that depends on them.
        buffers: What the pass may write on.
    """

    def __init__(self, parameters: Parameters, buffers: Parameters) -> None:
        self._known: dict[int, tuple[TensorWeakRef, int]] = {}
        self._dependent: set[int] = set()
        self._outside: set[int] = set()
        self._writes: Counter[int] = Counter()
        self._versions: dict[int, tuple[int, int]] = {}
        self.storages: list[int] = []
        """The storage behind each slot; views of one tensor share theirs."""
        self.values: dict[int, Tensor] = {}
        """What does not depend on the parameters, by slot."""
        self.parameters = {name: self._add(tensor) for name, tensor in parameters.items()}
        """Slot of each parameter."""
        self._dependent.update(self.storages_of(self.parameters.values()))
        self.buffers = {name: self._add(tensor) for name, tensor in buffers.items()}
        """Slot of each buffer."""

    def slot(self, tensor: Tensor) -> int | None:
        """The slot of a tensor; None where the pass has not met it."""
        reference, slot = self._known.get(id(tensor), (None, None))
        # A new tensor may lie where one lay that is gone.
        return slot if reference is not None and reference() is tensor else None

    def has_changed_unseen(self, slot: int, tensor: Tensor) -> bool:
        """Whether something has written on a tensor since an operation last dealt with it."""
        count, writes = self._versions.get(slot, (0, -1))
        return writes == self._writes[self.storages[slot]] and count != version(tensor)

    def note_versions(self, tensors: Iterable[Tensor], written: set[int]) -> None:
        """Note how often some tensors have been changed, after an operation.

        Args:
            tensors: Its arguments and results.
            written: Storages that it has written on: of the other views of these nothing is known.
        """
        self._writes.update(written)
        for tensor in tensors:
            slot = self.slot(tensor)
            if slot is not None:
                self._versions[slot] = (version(tensor), self._writes[self.storages[slot]])

    def take_in(self, tensor: Tensor) -> int:
        """A slot for a tensor that the pass uses and that none of its operations has made."""
        slot = self._add(tensor)
        self._outside.add(self.storages[slot])
        self.values[slot] = tensor
        return slot

    def take_result(self, tensor: Tensor, others: Sequence[Tensor], *, depends: bool) -> int:
        """The slot of an operation's result.

        Args:
            tensor: The result.
            others: The operation's arguments, and its results before this one: with any of them
                it may share its storage.
            depends: Whether any argument depends on the parameters.
        """
        slot = self.slot(tensor)
        if slot is None:
            slot = self._add(tensor, self._shared_storage(tensor, others))
            if not depends:
                self.values[slot] = tensor
        if depends:
            self._dependent.add(self.storages[slot])
        return slot

    def depend(self, slots: Iterable[int]) -> bool:
        """Whether what lies in any of some slots depends on the parameters."""
        return any(self.storages[slot] in self._dependent for slot in slots)

    def make_dependent(self, storages: set[int]) -> None:
        """Note that something that depends on the parameters was written on some storages."""
        self._dependent |= storages

    def storages_of(self, slots: Iterable[int]) -> set[int]:
        """The storages behind some slots."""
        return {self.storages[slot] for slot in slots}

    def are_outside(self, storages: set[int]) -> bool:
        """Whether any of some storages is neither the pass's own nor a buffer's."""
        return not self._outside.isdisjoint(storages)

    def _add(self, tensor: Tensor, storage: int | None = None) -> int:
        slot = len(self.storages)
        self._known[id(tensor)] = (TensorWeakRef(tensor), slot)
        self.storages.append(slot if storage is None else storage)
        return slot

    def _shared_storage(self, tensor: Tensor, others: Sequence[Tensor]) -> int | None:
        place = _place(tensor)
        if place is None:
            return None
        for other in others:
            slot = self.slot(other)
            if slot is not None and _place(other) == place:
                return self.storages[slot]
        return None


def version(tensor: Tensor) -> int:
    """How often a tensor has been changed in place; tensors of the inference mode do not count."""
    return 0 if tensor.is_inference() else tensor._version


def _place(tensor: Tensor) -> int | None:
    """Where a tensor's numbers lie; None for those that have no plain storage, or nothing in it."""
    if tensor.layout != torch.strided:
        return None
    return tensor.untyped_storage().data_ptr() or None
