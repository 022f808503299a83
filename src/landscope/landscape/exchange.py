"""A model with other tensors in the place of its own, for the time of a pass.

A forward pass may also count its calls, grow a list or keep what it saw last. All of that is put
back as it was at the step, and afterwards as it was found.
"""

import copy
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from landscope.landscape.loss_modules import modules_behind
from landscope.landscape.parameters import Parameters

# What torch keeps of a module for itself, apart from the tensors: its children and its hooks.
STRUCTURE = frozenset(vars(nn.Module())) - {"_parameters", "_buffers", "training"}
_CONTAINERS = (dict, list, set, deque)


@dataclass(frozen=True, eq=False)
class Standing:
    """The attributes of a model's modules at a moment: tensors, mode, and plain Python values.

    Containers are held as copies, as deep as one level; what lies deeper is shared. So are tensors
    that are neither parameters nor buffers, as states of metrics are: a pass may write on them.

    Args:
        modules: Each module with its attributes.
        tensors: Parameters and buffers by name.
    """

    modules: tuple[tuple[nn.Module, dict[str, Any]], ...]
    tensors: dict[str, Tensor]

    @classmethod
    def capture(cls, model: nn.Module, loss_fn: object) -> "Standing":
        """The model as it is now, and with it the modules that the loss calls."""
        others = modules_behind(loss_fn, model)
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        # No pass writes on weights that are frozen. On others a backward pass leaves gradients.
        frozen = [p for module in others for p in module.parameters() if not p.requires_grad]
        kept = {id(tensor): tensor for tensor in (*tensors.values(), *frozen)}
        modules = (*model.modules(), *others)
        return cls(
            modules=tuple((module, _attributes(module, kept)) for module in modules),
            tensors=tensors,
        )

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


def _with(value: Any, exchanged: dict[int, Tensor]) -> Any:
    """A value with tensors exchanged; what is not is copied, for the pass may write on it.

    Args:
        value: An attribute.
        exchanged: Tensors by the identity of those whose places they take; the copies are added,
            so that what is one tensor in two places stays one.
    """
    if isinstance(value, Tensor):
        if id(value) not in exchanged:
            exchanged[id(value)] = _copied(value)
        return exchanged[id(value)]
    if not isinstance(value, _CONTAINERS):
        return value
    written = copy.copy(value)
    if isinstance(written, (list, deque)):
        for index, item in enumerate(written):
            written[index] = _with_tensor(item, exchanged)
    if isinstance(written, dict):
        for key, item in written.items():
            written[key] = _with_tensor(item, exchanged)
    return written


def _with_tensor(item: Any, exchanged: dict[int, Tensor]) -> Any:
    return _with(item, exchanged) if isinstance(item, Tensor) else item


def _copied(tensor: Tensor) -> Tensor:
    # Without its past: that of an earlier pass can be gone through only once.
    return tensor.detach().clone().requires_grad_(tensor.requires_grad and tensor.is_leaf)
