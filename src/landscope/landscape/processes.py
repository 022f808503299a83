"""Trainings of several processes: which are refused, and that no measurement communicates.

A process measures for itself, at its own moments. So it has no part of a collective: the others
would wait for it, or take what it sends for a part of the training.
"""

import functools
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from landscope.errors import UsageError

_SHARDING = {
    "FSDPModule": "fully_shard (FSDP2)",
    "FullyShardedDataParallel": "FullyShardedDataParallel",
    "XlaFullyShardedDataParallel": "FullyShardedDataParallel",
    "ShardedDataParallel": "ShardedDataParallel",
    "DeepSpeedEngine": "DeepSpeed",
    "PipelineEngine": "DeepSpeed",
    "GeminiDDP": "Gemini",
}
"""Classes that keep a part of the weights, or steer the training, by their names: of libraries that
may not be installed."""

_COLLECTIVES = ("c10d", "_c10d_functional", "c10d_functional", "_dtensor")
_REMEDY = (
    "measure a training in one process, one under DistributedDataParallel, or a full copy of the "
    "weights in one process"
)


def count() -> int:
    """How many processes train together; 1 without a process group."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if count() > 1 else 0


def check_whole(model: nn.Module) -> None:
    """Refuse a model of which this process has only a part, or that communicates in its pass.

    Raises:
        UsageError: It is sharded, is steered by an engine, or has synchronised norms.
    """
    for name, module in model.named_modules():
        what = f"the module {name!r}" if name else f"a model of type {type(module).__name__}"
        by = next((_SHARDING[kind] for kind in _names(type(module)) if kind in _SHARDING), None)
        if by is not None:
            raise UsageError(
                f"{what} is sharded or steered by {by}",
                "other weights are put in the places of a model's own, and here each process holds "
                "a part of them",
                _REMEDY,
            )
        if count() > 1 and _synchronises(module):
            raise UsageError(
                f"{what} is a {type(module).__name__} in a group of {_size(module)} processes",
                "a measurement runs in one process, and this norm communicates in every pass",
                f"{_REMEDY}; norms of each process's own batch, as nn.BatchNorm2d, do not "
                "communicate",
            )
    tensors: Iterable[tuple[str, Any]] = (*model.named_parameters(), *model.named_buffers())
    for name, tensor in tensors:
        if _names(type(tensor)) & {"DTensor", "ShardedTensor"} or hasattr(tensor, "ds_id"):
            raise UsageError(
                f"the parameter {name!r} is a {type(tensor.data).__name__}, of which this process "
                "may hold a part",
                "other weights are put in the places of a model's own, and these are distributed "
                "over processes",
                _REMEDY,
            )


@contextmanager
def no_collectives() -> Generator[None]:
    """Inside, a collective raises before it communicates.

    Raises:
        UsageError: There was one, of several processes.
    """
    if count() == 1:
        yield
    else:
        with _Silent():
            yield


class _Silent(TorchDispatchMode):
    """Refuses every operation by which processes communicate."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        if func.namespace in _COLLECTIVES:
            raise UsageError(
                f"the loss or the model runs the collective {func._opname!r} over {count()} "
                "processes",
                "a measurement runs in one process, while the others train",
                "give Scope a loss of this process's own batch, or measure the training in one "
                "process",
            )
        return func(*args, **(kwargs or {}))


@functools.cache
def _names(kind: type) -> frozenset[str]:
    """Those of a class and of what it is derived from."""
    return frozenset(base.__name__ for base in kind.__mro__)


def _synchronises(module: nn.Module) -> bool:
    name = type(module).__name__
    named = name.startswith(("Sync", "Synchronized")) and "BatchNorm" in name
    return (named or isinstance(module, nn.SyncBatchNorm)) and _size(module) > 1


def _size(module: nn.Module) -> int:
    group = vars(module).get("process_group")
    return dist.get_world_size(group) if isinstance(group, dist.ProcessGroup) else count()
