"""The backward pass of a block: the gradient as the training computes it, before it is changed.

Clipping, averaging over processes, noise, or a second pass at other weights come after it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from landscope.objective.parameters import Parameters


class BackwardPass:
    """Keeps what the first backward pass of a block gives each parameter.

    It is the gradient before hooks of the user's own change it, of a pass that adds to ``.grad``.
    A loss that differentiates by itself, as for a penalty on its gradient, does not; where no pass
    does, the first of any kind is kept.

    Args:
        model: The network.
        apart: A context in which this may work within the training: what goes wrong stays there.

    Attributes:
        passes: Most passes that reached a parameter.
    """

    def __init__(self, model: nn.Module, apart: Callable[[], AbstractContextManager[None]]) -> None:
        self._model = model
        self._apart = apart
        self._handles: list[RemovableHandle] = []
        self._counts: dict[str, int] = {}
        self._first: Parameters = {}  # copies by the parameter's name
        self._last: Parameters = {}
        self._added_up: Parameters = {}
        self.passes = 0
        self._before: dict[str, Tensor] = {}  # of each parameter, whether .grad was not 0

    def wait(self) -> None:
        """From here on, and anew."""
        self._first, self._last, self._added_up, self._before = {}, {}, {}, {}
        self._counts, self.passes = {}, 0
        for name, parameter in self._model.named_parameters():
            if parameter.requires_grad and parameter.is_leaf:
                arrives = parameter.register_hook(partial(self._arrives, name, parameter))
                adds = parameter.register_post_accumulate_grad_hook(partial(self._adds, name))
                self._handles += [arrives, adds]
                _put_first(arrives, parameter._backward_hooks)

    def _arrives(self, name: str, parameter: Tensor, gradient: Tensor) -> None:
        if name not in self._added_up:
            with self._apart():
                self._last[name] = dense(gradient)
                self._first.setdefault(name, self._last[name])
                if parameter.grad is not None:
                    self._before[name] = dense(parameter.grad).any()

    def _adds(self, name: str, _: Tensor) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1
        self.passes = max(self.passes, self._counts[name])
        if name in self._last:
            self._added_up[name] = self._last.pop(name)

    def stop(self) -> None:
        """Nothing hangs on the parameters from here on."""
        while self._handles:
            self._handles.pop().remove()
        self._last = {}

    @property
    def gradient(self) -> Parameters:
        """Copies by the parameter's name, of those that a pass has reached."""
        return self._added_up or self._first

    @property
    def adds_up(self) -> bool:
        """Whether a gradient was left from before, to which this one was added."""
        return any(bool(self._before[name]) for name in self._added_up if name in self._before)


def _put_first(handle: RemovableHandle, hooks: Any) -> None:
    """Put a hook before those of the user's, which may change the gradient."""
    others = [(id_, hook) for id_, hook in hooks.items() if id_ != handle.id]
    for id_, hook in others:  # torch does not ask for the order that move_to_end() changes
        del hooks[id_]
        hooks[id_] = hook


def dense(gradient: Tensor) -> Tensor:
    """A copy. Embeddings can have gradients that are sparse."""
    copy = gradient.detach().clone()
    return copy if copy.layout == torch.strided else copy.to_dense()
