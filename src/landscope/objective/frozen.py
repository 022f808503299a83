"""Weights that need no gradient: a pass may write on them all the same, as on a momentum encoder.

They may be nearly all of a model, so they are copied only for models that do so.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from landscope.objective.parameters import Parameters, memory_of

_Result = TypeVar("_Result")

_WRITES: WeakKeyDictionary[nn.Module, dict[bool, bool]] = WeakKeyDictionary()
"""Whether a pass of a model writes on such weights, by whether it is in training mode."""


class Frozen:
    """The weights of a model that need no gradient, as its passes find them.

    Args:
        model: The model itself.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        # Parameters of other classes, as quantised ones, are more than their tensor.
        self._own = {
            name: p
            for name, p in model.named_parameters()
            if not p.requires_grad and type(p) is nn.Parameter and p.layout == torch.strided
        }
        self._seen: list[tuple[int, int]] | None = self._state()
        self._given: Parameters = {}
        self._kept: Parameters = {}
        if any(_WRITES.get(model, {}).values()):
            self._keep()

    def is_known(self, *, training: bool) -> bool:
        """Whether it is known what a pass in that mode writes on."""
        return not self._own or bool(self._kept) or training in _WRITES.get(self._model, {})

    def for_a_pass(self) -> Parameters:
        """Parameters for one pass, by name.

        They are copies where the pass writes on them; otherwise they share their memory with the
        model's own, and only what is assigned to their ``.data`` stays in the pass.
        """
        self._given = {
            name: nn.Parameter(
                self._kept[name].clone() if self._kept else p.detach(), requires_grad=False
            )
            for name, p in self._own.items()
        }
        return self._given

    def around(self, run: Callable[[], _Result], *, training: bool) -> _Result:
        """What a pass gives. The first of a model ends before it writes, and begins anew on copies.

        Args:
            run: The pass; it leaves nothing behind, so that a second is like the first.
            training: Whether the model is in training mode in it.
        """
        if not self._own or self._kept:
            return run()
        known: dict[bool, bool] = _WRITES.setdefault(self._model, {})
        seen, self._seen = self._seen, None
        # What the training's own pass has written on, this one would write on too.
        if seen is None or seen == self._state():
            if training in known:
                return run()
            with _Guard(self._own.values()) as guard:
                try:
                    given = run()
                except Exception:
                    if not guard.stopped:
                        raise
                else:
                    if not guard.stopped:
                        known[training] = self._were_assigned()
                        return given
        known[training] = True
        self._keep()
        return run()

    def _state(self) -> list[tuple[int, int]]:
        return [(p.data_ptr(), _version(p)) for p in self._own.values()]

    def _were_assigned(self) -> bool:
        """Whether the last pass gave some of its parameters another tensor."""
        return any(p.data_ptr() != self._own[name].data_ptr() for name, p in self._given.items())

    def _keep(self) -> None:
        self._kept = {name: p.detach().clone() for name, p in self._own.items()}


def _version(tensor: Tensor) -> int:
    """How often a tensor has been changed in place; one of the inference mode does not count."""
    # Torch has no public name for what its own checks of in-place changes go by.
    return 0 if tensor.is_inference() else tensor._version


class _WriteError(Exception):
    """A pass is about to write on weights that need no gradient."""


class _Guard(TorchDispatchMode):
    """Stops an operation that would write on some tensors, before it does.

    Args:
        tensors: The tensors.

    Attributes:
        stopped: Whether there was one.
    """

    supports_higher_order_operators = True

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        super().__init__()
        self.stopped = False
        self._places = {memory_of(tensor) for tensor in tensors} - {None}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        schema = getattr(func, "_schema", None)
        if schema is not None and schema.is_mutable:
            names = (argument.name for argument in schema.arguments)
            given = dict(zip(names, args, strict=False)) | (kwargs or {})
            for argument in schema.arguments:
                if argument.alias_info is None or not argument.alias_info.is_write:
                    continue
                for tensor in tree_leaves(given.get(argument.name)):
                    if isinstance(tensor, Tensor) and memory_of(tensor) in self._places:
                        self.stopped = True
                        raise _WriteError
        return func(*args, **(kwargs or {}))
