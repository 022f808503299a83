"""The forward pass of a block: waits for the moment at which it begins, with hooks that go then."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

_OTHER_PATHS = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)
"""In evaluation they compute in another way where nothing hangs on them or on their parts."""


class ForwardPass:
    """Waits for a pass with gradients: one without, as of a validation, is not the training's.

    Args:
        called: The network as the loop calls it.
        model: The network itself.
        then: Is told when a pass begins, and whether by a call of the network itself.

    Attributes:
        unseen: Whether one is waited for, and none has begun.
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
        """From here on.

        Args:
            parts: Whether it may be that a loop calls a method of the network, or parts of it.
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
        """Nothing hangs on the network from here on."""
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
    """A hook that a copy of the network, made while it hangs there, has as one that does nothing.

    Args:
        then: What is called.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def __call__(self, *_: Any) -> None:
        # What is compiled while this hangs on the model must not have it inside, at this call and
        # at all those to come: it would be cut in two here, and draw other numbers.
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
    """The parts of a network that compute the same with a hook as without."""
    for part in model.children():
        if not isinstance(part, _OTHER_PATHS):
            yield part
            yield from _hookable(part)
