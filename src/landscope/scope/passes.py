"""The forward and the backward pass of a block: temporary hooks that wait for them.

The gradient is kept as the training computes it, before clipping, averaging over processes, noise,
or a second pass at other weights.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from landscope.objective.parameters import Parameters

_OTHER_PATHS = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)
"""In evaluation mode these compute in another way if neither they nor their parts have hooks."""


class ForwardPass:
    """Waits for a pass with gradients: one without, as in validation, is not the training's.

    Args:
        called: The network as the loop calls it.
        model: The network itself.
        then: Called when a pass begins, with whether the network itself was called.

    Attributes:
        unseen: Whether it waits for a pass and none has begun.
    """

    def __init__(self, called: nn.Module, model: nn.Module, then: Callable[[bool], None]) -> None:
        self.unseen = False
        self._called = called
        self._model = model
        self._then = then
        self._on_called: list[RemovableHandle] = []
        self._on_parts: list[RemovableHandle] = []
        self._waiting = False
        self._thread = 0  # that of the training: others may call the model as well

    def wait(self, *, parts: bool) -> None:
        """Start waiting.

        Args:
            parts: Whether a loop may call a method of the network, or parts of it.
        """
        self._waiting, self._thread = True, threading.get_ident()
        # Where a model is compiled in place, a hook on it changes what is compiled.
        if getattr(self._called, "_compiled_call_impl", None) is None:
            hook = _Hook(lambda: self._begins(whole=True))
            self._on_called = [self._called.register_forward_pre_hook(hook)]
            self.unseen = True
        if parts:
            hook = _Hook(lambda: self._begins(whole=False))
            self._on_parts = [
                part.register_forward_pre_hook(hook) for part in _hookable(self._model)
            ]

    def stop(self) -> None:
        """Remove the hooks from the network."""
        self._waiting = False
        _remove(self._on_called)
        _remove(self._on_parts)

    def _begins(self, *, whole: bool) -> None:
        if not self._waiting or threading.get_ident() != self._thread:
            return  # a shadow of the model has the hooks that were on it
        self.unseen = False
        _remove(self._on_parts)
        if whole:
            _remove(self._on_called)
        self._then(whole)


class _Hook:
    """A hook that does nothing in a copy of the network made while it is attached.

    Args:
        then: What is called.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def __call__(self, *_: Any) -> None:
        # Code that is compiled while this hook is attached must not contain it, at this call or
        # later: the graph would break here and draw other numbers.
        if not torch.compiler.is_compiling() and torch.is_grad_enabled():
            self._then()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Hook, (_nothing,))


def _nothing() -> None:
    """What a copied hook does."""


def _remove(handles: list[RemovableHandle]) -> None:
    while handles:
        handles.pop().remove()


def _hookable(model: nn.Module) -> Iterator[nn.Module]:
    """The parts of a network that compute the same with and without a hook."""
    for part in model.children():
        if not isinstance(part, _OTHER_PATHS):
            yield part
            yield from _hookable(part)


class BackwardPass:
    """Keeps the gradient that the first backward pass of a block computes for each parameter.

    It is the gradient before hooks of the user's own change it, of a pass that adds to ``.grad``.
    A loss that differentiates by itself, as for a penalty on its gradient, does not; where no pass
    does, the first of any kind is kept.

    Args:
        model: The network.
        apart: A context for working inside the training: errors stay in it.

    Attributes:
        passes: Largest number of passes that reached a parameter.
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
        """Start waiting, from a clean state."""
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
        """Remove the hooks from the parameters."""
        while self._handles:
            self._handles.pop().remove()
        self._last = {}

    @property
    def gradient(self) -> Parameters:
        """Copies of the gradients by the parameter's name, for those that a pass reached."""
        return self._added_up or self._first

    @property
    def adds_up(self) -> bool:
        """Whether this gradient was added to one left over from before."""
        return any(bool(self._before[name]) for name in self._added_up if name in self._before)


def _put_first(handle: RemovableHandle, hooks: Any) -> None:
    """Put a hook before the user's hooks, which may change the gradient."""
    others = [(id_, hook) for id_, hook in hooks.items() if id_ != handle.id]
    for id_, hook in others:  # torch does not depend on the order that move_to_end() changes
        del hooks[id_]
        hooks[id_] = hook


def dense(gradient: Tensor) -> Tensor:
    """A dense copy: embeddings can have sparse gradients."""
    copy = gradient.detach().clone()
    return copy if copy.layout == torch.strided else copy.to_dense()
