"""A model with other tensors in the place of its own, for the time of a pass.

A forward pass may also count its calls, grow a list or keep what it saw last. All of that is put
back as it was at the step, and afterwards as it was found.
"""

import copy
import random
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from landscope.landscape.loss_modules import modules_behind
from landscope.landscape.parameters import Parameters

# What torch keeps of a module for itself, apart from the tensors: its children and its hooks.
STRUCTURE = frozenset(vars(nn.Module())) - {"_parameters", "_buffers", "training"}
_CONTAINERS = (dict, list, set, deque)
_WRITTEN_ON = (np.ndarray, np.random.Generator, np.random.RandomState, random.Random)
_DEPTH = 3


@dataclass(frozen=True, eq=False)
class Standing:
    """The attributes of a model's modules at a moment: tensors, mode, and plain Python values.

    Containers are held as copies, three levels deep; what lies deeper, or in an object of another
    class, is shared. Copies as well are tensors that are neither parameters nor buffers, as states
    of metrics are, arrays and random generators: a pass may write on them or draw from them.

    Args:
        modules: Each module with its attributes.
        tensors: Parameters and buffers by name.
    """

    modules: tuple[tuple[nn.Module, dict[str, Any]], ...]
    tensors: dict[str, Tensor]

    @classmethod
    def capture(cls, model: nn.Module, loss_fn: object) -> "Standing":
        """The model as it is now, and with it the modules that it or the loss may call."""
        hidden = [
            value
            for module in model.modules()
            for name, value in vars(module).items()
            if name not in STRUCTURE
        ]
        others = modules_behind(loss_fn, model, hidden)
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        # No pass writes on weights that are frozen. On others a backward pass leaves gradients.
        frozen = [p for module in others for p in module.parameters() if not p.requires_grad]
        kept = {id(tensor): tensor for tensor in (*tensors.values(), *frozen)}
        modules = (*model.modules(), *others)
        return cls(
            modules=tuple((module, _attributes(module, kept)) for module in modules),
            tensors=tensors,
        )

    @property
    def training(self) -> bool:
        """Whether the model is in training mode."""
        return bool(self.modules[0][1]["training"])

    @contextmanager
    def with_tensors(self, tensors: Parameters) -> Generator[None]:
        """Inside, the model stands as at this moment, but for some tensors; outside, as it did.

        Args:
            tensors: Take the places of the parameters and buffers of their names, wherever the
                modules hold them: weights that are shared stay shared.
        """
        outside = [(module, dict(vars(module))) for module, _ in self.modules]
        exchanged = {id(tensor): tensor for tensor in self.tensors.values()}
        exchanged |= {id(self.tensors[name]): tensor for name, tensor in tensors.items()}
        try:
            for module, attributes in self.modules:
                for added in vars(module).keys() - attributes.keys() - STRUCTURE:
                    del vars(module)[added]
                vars(module).update({k: _with(v, exchanged) for k, v in attributes.items()})
            yield
        finally:
            for module, attributes in outside:
                vars(module).clear()
                vars(module).update(attributes)


def _attributes(module: nn.Module, exchanged: dict[int, Tensor]) -> dict[str, Any]:
    return {k: _with(v, exchanged) for k, v in vars(module).items() if k not in STRUCTURE}


def _with(value: Any, exchanged: dict[int, Tensor], depth: int = _DEPTH) -> Any:
    """A value with tensors exchanged; what is not is copied, for the pass may write on it.

    Args:
        value: An attribute.
        exchanged: Tensors by the identity of those whose places they take; the copies are added,
            so that what is one tensor in two places stays one.
        depth: So many levels of containers are copied.
    """
    if isinstance(value, Tensor):
        if id(value) not in exchanged:
            exchanged[id(value)] = _copied(value)
        return exchanged[id(value)]
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, _WRITTEN_ON):
        return copy.deepcopy(value)
    if depth == 0:
        return value
    if isinstance(value, tuple):
        given = cast("tuple[Any, ...]", value)
        items = [_with(item, exchanged, depth - 1) for item in given]
        if all(new is old for new, old in zip(items, given, strict=True)):
            return given
        return type(given)(*items) if hasattr(given, "_fields") else type(given)(items)
    if not isinstance(value, _CONTAINERS):
        return value
    written = copy.copy(value)
    if isinstance(written, (list, deque)):
        for index, item in enumerate(written):
            written[index] = _with(item, exchanged, depth - 1)
    if isinstance(written, dict):
        for key, item in written.items():
            written[key] = _with(item, exchanged, depth - 1)
    return written


def _copied(tensor: Tensor) -> Tensor:
    # Without its past: that of an earlier pass can be gone through only once.
    return tensor.detach().clone().requires_grad_(tensor.requires_grad and tensor.is_leaf)
