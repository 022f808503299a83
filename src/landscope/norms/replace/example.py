"""One pass of an example batch through a copy of a model: the inputs and outputs of each module."""

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from landscope.errors import UsageError
from landscope.norms.replace.adapt import leave_fast_path
from landscope.objective.random_state import RandomState, devices_of

_NORM_FUNCTIONS = {"batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm"}


@dataclass(frozen=True, eq=False)
class SeenTensor:
    """A tensor at a moment of the pass.

    Args:
        tensor: The tensor; its storage is not used for another one as long as this is kept.
        version: How many times its storage had been written on.
    """

    tensor: Tensor
    version: int

    @classmethod
    def now(cls, tensor: Tensor) -> "SeenTensor":
        """The tensor as it is."""
        return cls(tensor.detach(), tensor._version)  # nothing public counts the writes

    @cached_property
    def place(self) -> tuple[torch.device, int]:
        """Where its values lie; that of a view is its base's."""
        # A tensor without values has no address of its own.
        address = self.tensor.untyped_storage().data_ptr() or -id(self)
        return self.tensor.device, address

    @property
    def values(self) -> tuple[torch.device, int, int]:
        """Equal for one tensor and its views as long as nothing is written on them."""
        return (*self.place, self.version)


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a module.

    Args:
        name: The first of the module's names.
        taken: Its first tensor argument.
        given: What it gives.
    """

    name: str
    taken: SeenTensor
    given: SeenTensor


@dataclass(frozen=True, eq=False)
class ExamplePass:
    """A pass through a model.

    Args:
        calls: The uses of the modules that were watched, in order of their ends.
        outputs: The tensors in what the model gave.
        norm_calls: Names of norms that were called as functions, by the names of the modules
            whose ``forward`` called them.
    """

    calls: tuple[Call, ...]
    outputs: tuple[SeenTensor, ...]
    norm_calls: Mapping[str, str]

    def of(self, name: str) -> list[Call]:
        """The uses of one module."""
        return [call for call in self.calls if call.name == name]


class NormCalls(TorchFunctionMode):
    """Notes, while it is active, which modules call norms as functions, such as ``F.rms_norm``.

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
        if name in _NORM_FUNCTIONS and self._within:
            self.functions.setdefault(self._within[-1], name)
        return func(*args, **(kwargs or {}))


def run_example(model: nn.Module, example: Any, watched: Collection[str]) -> ExamplePass:
    """Run a copy of the model on an example, in its own mode, and leave no trace.

    Args:
        model: Any.
        example: A tensor, a tuple of arguments or a mapping of keywords.
        watched: Names of the modules whose tensors are asked for.

    Raises:
        UsageError: The model cannot be run on it.
    """
    probe = copied(model, {})
    leave_fast_path(probe, set(probe.modules()))
    calls: list[Call] = []
    for name in watched:
        hook = partial(_remember, calls, name)
        probe.get_submodule(name).register_forward_hook(hook, with_kwargs=True)
    norm_calls = NormCalls(probe)
    # A model may write on its batch.
    args, kwargs = _arguments(tree_map_only(Tensor, _own, example))
    try:
        streams = RandomState.capture(devices_of(model))
        with torch.no_grad(), streams.replayed(), norm_calls:
            outputs = probe(*args, **kwargs)
    except Exception as error:
        raise UsageError(
            f"example: {str(error).partition(chr(10))[0]}",
            "the model is run on it once, in the mode that it is in",
            "give a batch as in training: a tensor, a tuple of arguments or a dict of keywords",
        ) from error
    seen = tuple(SeenTensor.now(leaf) for leaf in _tensors(outputs))
    return ExamplePass(tuple(calls), seen, norm_calls.functions)


def copied(model: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """A deep copy.

    Args:
        model: Any.
        memo: Replacements of parts of the model in the copy, by their identities.

    Raises:
        UsageError: The model cannot be copied.
    """
    for module in model.modules():
        for value in vars(module).values():
            # Weight norm keeps such tensors beside its parameters; torch refuses to copy them.
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = _own(value)
    try:
        return copy.deepcopy(model, memo)
    except (TypeError, RuntimeError) as error:
        raise UsageError(
            f"a model of type {type(model).__name__}: {str(error).partition(chr(10))[0]}",
            "norms are replaced in a copy, and it cannot be copied",
            "give a model that copy.deepcopy takes, such as one fresh from its constructor",
        ) from error


def _remember(
    calls: list[Call],
    name: str,
    module: nn.Module,  # noqa: ARG001  PyTorch's signature of a hook
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    output: Any,
) -> None:
    taken, given = _tensors((args, kwargs)), _tensors(output)
    if taken and given:
        calls.append(Call(name, SeenTensor.now(taken[0]), SeenTensor.now(given[0])))


def _own(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Mapping):
        return (), {str(name): value for name, value in example.items()}
    return (example if isinstance(example, tuple) else (example,)), {}
