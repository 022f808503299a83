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


def optimizer_of(stepped: Any) -> Any:
    """The optimiser itself, out of the wrappers of Lightning and Accelerate."""
    while isinstance(getattr(stepped, "optimizer", None), Optimizer):
        stepped = stepped.optimizer
    return stepped
