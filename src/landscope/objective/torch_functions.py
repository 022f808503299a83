"""What must be known of single torch functions to put a pass on a tape."""

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

_ASKED = (
    *("shape", "dtype", "device", "layout", "ndim", "itemsize", "nbytes", "names"),
    *("requires_grad", "is_leaf", "grad_fn", "retains_grad", "_version", "output_nr"),
    *("is_cuda", "is_cpu", "is_xpu", "is_mps", "is_meta", "is_sparse", "is_sparse_csr"),
    *("is_quantized", "is_nested", "is_mkldnn"),
)
_CALLED = (
    *("size", "dim", "ndimension", "numel", "nelement", "element_size", "stride"),
    *("storage_offset", "is_contiguous", "is_floating_point", "is_complex", "is_signed"),
    *("is_conj", "is_neg", "is_inference", "is_pinned", "is_same_size", "get_device", "has_names"),
    *("type", "__len__", "__hash__", "is_shared", "dim_order"),
)
_FREE = ("is_tensor", "is_floating_point", "is_complex", "is_same_size", "numel", "result_type")

METADATA: frozenset[Any] = frozenset(
    [getattr(Tensor, name).__get__ for name in _ASKED if hasattr(Tensor, name)]
    + [getattr(Tensor, name) for name in _CALLED if hasattr(Tensor, name)]
    + [getattr(torch, name) for name in _FREE]
)
"""Questions about a tensor whose answers do not depend on the numbers in it."""

SHAPE: frozenset[Any] = METADATA & frozenset(
    [
        *(getattr(Tensor, name).__get__ for name in ("shape", "nbytes")),
        *(getattr(Tensor, name) for name in ("size", "numel", "nelement", "stride", "__len__")),
        torch.numel,
    ]
)
"""Those among them whose answers do, where a function selects by the numbers, as ``nonzero``."""

GRAPH: Any = getattr(Tensor, "grad_fn").__get__  # noqa: B009 (not typed)
"""Asks for the node of the graph that made a tensor."""

UNSAFE: frozenset[Any] = frozenset(
    {
        torch.autograd.grad,
        torch.autograd.backward,
        Tensor.backward,
        Tensor.set_,
        Tensor.resize_,
        *(getattr(Tensor, name).__get__ for name in ("grad",)),
        *(getattr(Tensor, name).__set__ for name in ("data", "grad")),
    }
)
"""Functions whose effect lies outside their arguments and their result."""


def only_watches(func: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Whether a call hangs a hook on a tensor that cannot change its gradient.

    ``register_multi_grad_hook`` does, by which torch's own counters follow a backward pass.
    """
    return func is Tensor.register_hook and args[-1].__module__ == "torch.autograd.graph"


def may_write(func: Callable[..., Any], kwargs: dict[str, Any]) -> bool:
    """Whether a function may change its arguments in place.

    Torch's own say so by their names, but for few; of operations that others have registered
    nothing is known.
    """
    name = getattr(func, "__name__", "")
    in_place = name.endswith("_") or name in ("embedding", "embedding_bag")
    return in_place or "out" in kwargs or isinstance(func, (OpOverload, OpOverloadPacket))


_QUESTIONS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")


def opened(func: Callable[..., Any]) -> Callable[..., Any] | None:
    """The same function, but for telling a mode of its inner operations instead of itself.

    A function such as ``multi_head_attention_forward`` uses the weights of several layers and
    shows itself to a mode as one operation; opened, it shows those that it consists of.

    Returns:
        None where the function is not written in Python.
    """
    if not isinstance(func, types.FunctionType) or func.__closure__:
        return None
    answers = dict.fromkeys(_QUESTIONS, _no)
    twin = types.FunctionType(
        func.__code__, func.__globals__ | answers, func.__name__, func.__defaults__
    )
    twin.__kwdefaults__ = func.__kwdefaults__
    return twin


def name_of(func: Callable[..., Any]) -> str:
    """A torch function's name, for a person."""
    owner = getattr(func, "__self__", None)
    name = getattr(func, "__name__", str(func))
    # The getter of a property knows its name through the property alone.
    return getattr(owner, "__name__", name) if name in ("__get__", "__set__") else name.strip("_")


def _no(*_: Any) -> bool:
    return False
