"""The network and the optimiser behind what compiles, distributes or wraps them."""

from typing import Any

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer


def network_of(called: nn.Module) -> nn.Module:
    """The network itself: what is measured runs eagerly, on this process's own batch.

    Args:
        called: A network, or what ``torch.compile`` or ``DistributedDataParallel`` made of it.
    """
    model: Any = called
    while True:
        if isinstance(model, (DistributedDataParallel, DataParallel)):
            model = model.module
        elif "_orig_mod" in getattr(model, "_modules", {}):
            model = model._orig_mod
        else:
            return model


def is_compiled(called: nn.Module) -> bool:
    """Whether ``torch.compile`` has made code of a network, or of a part of it."""
    parts: list[Any] = list(called.modules())
    return any(
        "_orig_mod" in part._modules or getattr(part, "_compiled_call_impl", None) is not None
        for part in parts
    )


def has_hooks(optimizer: Any) -> bool:
    """Whether an optimiser calls hooks when it steps.

    One of torch's class does so after the constructor of that class has run. An object that
    answers to every name does not.
    """
    if isinstance(optimizer, Optimizer):
        return "_optimizer_step_post_hooks" in vars(optimizer)
    kind = type(optimizer)
    names = ("register_step_pre_hook", "register_step_post_hook")
    return all(callable(getattr(kind, name, None)) for name in names)


def optimizers_of(stepped: Any) -> tuple[Any, ...]:
    """The optimisers themselves, out of the wrappers of Lightning and Accelerate.

    Args:
        stepped: One, several in a list or a tuple, or None.
    """
    if stepped is None:
        return ()
    if isinstance(stepped, (list, tuple)):
        return tuple(inner for each in stepped for inner in optimizers_of(each))
    while isinstance(getattr(stepped, "optimizer", None), Optimizer):
        stepped = stepped.optimizer
    return (stepped,)
