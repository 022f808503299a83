"""Norms that a ``forward`` calls as functions, such as ``F.rms_norm``: only a pass shows them."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode

from landscope.errors import UsageError
from landscope.norms.replacing.advice import Advice

_FUNCTIONS = {"batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm"}


class NormCalls(TorchFunctionMode):
    """Notes, while it is active, in which modules of a model norms are called as functions.

    Args:
        model: Hooks are put on it, which stay: a copy.

    Attributes:
        functions: The function's name by the module's, for the innermost module at each call.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.functions: dict[str, str] = {}
        self._within: list[str] = []
        for name, module in model.named_modules():
            module.register_forward_pre_hook(partial(self._enter, name))
            module.register_forward_hook(self._leave, always_call=True)

    def _enter(self, name: str, *_call: Any) -> None:
        self._within.append(name)

    def _leave(self, *_call: Any) -> None:
        self._within.pop()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in _FUNCTIONS and self._within:
            self.functions.setdefault(self._within[-1], name)
        return func(*args, **(kwargs or {}))


def remaining_calls(
    model: nn.Module,
    calls: Mapping[str, str],
    accounted: Collection[int],
    replaced: Collection[int],
    advice: Advice,
) -> dict[str, str]:
    """The functions that go on normalising in a model whose norms are replaced.

    Args:
        model: The model.
        calls: Names of functions by the names of the modules that call them.
        accounted: Identities of all norms, of what they hold and of what is to be kept.
        replaced: Identities of the norms to replace.
        advice: How remedies are given.

    Returns:
        Those in the model itself and in modules that hold norms to replace, which could not be
        left alone as a whole.

    Raises:
        UsageError: A module holds no norm and calls one.
    """
    remaining: dict[str, str] = {}
    for name, function in calls.items():
        module = model.get_submodule(name)
        if id(module) in accounted:
            continue
        if name and not any(id(part) in replaced for part in module.modules()):
            kind = type(module).__name__
            raise UsageError(
                f"the module {name!r} of type {kind}",
                f"its forward calls {function}, which would go on normalising",
                f"give {advice.keep(kind)} to leave it, or let its class hold a norm as a module",
            )
        remaining[name] = function
    return remaining
