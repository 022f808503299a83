"""Trainings of several processes: which are refused, and that no measurement communicates.

A process measures for itself, at its own moments. So it has no part of a collective: the others
would wait for it, or take what it sends for a part of the training.
"""

import functools
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, nullcontext
from typing import Any

import torch.distributed as dist
from torch import nn
from torch.utils import _python_dispatch

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

_ENGINES: dict[str, tuple[str, ...]] = {
    "torch.distributed.pipelining": (),
    "torch_xla.distributed": (),
    "deepspeed": ("Engine", "PipelineModule"),
    "deepspeed.runtime": (),
    "fairscale": ("ShardedDataParallel", "Pipe"),
    "colossalai": (),
    "smdistributed": (),
    "bmtrain": (),
    "bagua": (),
    "horovod": (),
}
"""Packages, with what the names of such classes contain; any class where nothing is given."""

_PARTS = {
    "ds_id": "is a part of DeepSpeed's ZeRO",
    "_is_flat_param": "is a flat parameter of FSDP",
    "_fsdp_flattened": "is a part of a flat parameter of FSDP",
}
"""What parameters carry of which a process holds a part, whatever their class."""

_TALKING = ("c10d", "symm_mem", "_dtensor")  # in the namespaces of operations that communicate
_DDP_FORWARD = "DistributedDataParallel.forward"  # what it calls its pass for a profiler
_REMEDY = (
    "measure a training in one process, one under DistributedDataParallel, or a full copy of the "
    "weights in one process"
)


def count() -> int:
    """How many processes train together: of the process group, or as torchrun began them."""
    if not dist.is_available():
        return 1
    if dist.is_initialized():
        return dist.get_world_size()
    return int(os.environ.get("WORLD_SIZE", "1")) if dist.is_torchelastic_launched() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    if count() == 1:
        return 0
    return dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", "0"))


def check_whole(model: nn.Module) -> None:
    """Refuse a model of which this process has only a part, or that communicates in its pass.

    Raises:
        UsageError: It is sharded, is steered by an engine, or has synchronised norms.
    """
    check_parts(model)
    for name, module in model.named_modules():
        if count() > 1 and _synchronises(module):
            raise UsageError(
                f"{_named(name, module)} is a {type(module).__name__} in a group of "
                f"{_size(module)} processes",
                "a measurement runs in one process, and this norm communicates in every pass",
                f"{_REMEDY}; norms of each process's own batch, as nn.BatchNorm2d, do not "
                "communicate",
            )


def check_parts(model: nn.Module) -> None:
    """Refuse a model of which this process has only a part.

    Raises:
        UsageError: It is sharded, or is steered by an engine.
    """
    for name, module in model.named_modules():
        by = next((_SHARDING[kind] for kind in _names(type(module)) if kind in _SHARDING), None)
        by = by or _engine_of(module) or _replicated(module)
        if by:
            raise UsageError(
                f"{_named(name, module)} is sharded or steered by {by}",
                "other weights are put in the places of a model's own, and here each process holds "
                "a part of them",
                _REMEDY,
            )
    tensors: Iterable[tuple[str, Any]] = (*model.named_parameters(), *model.named_buffers())
    for name, tensor in tensors:
        part = _part(tensor)
        if part:
            raise UsageError(
                f"the parameter {name!r} {part}, of which this process may hold a part",
                "other weights are put in the places of a model's own, and these are distributed "
                "over processes",
                _REMEDY,
            )


def check_optimizers(optimizers: Iterable[object]) -> None:
    """Refuse an optimiser that shards its parameters, or averages gradients by itself.

    Raises:
        UsageError: It does.
    """
    for optimizer in optimizers:
        by = _engine_of(optimizer)
        if by:
            raise UsageError(
                f"the optimizer {type(optimizer).__name__} belongs to {by}",
                "it shards parameters or averages gradients over processes in its own way",
                _REMEDY,
            )


@contextmanager
def no_collectives() -> Generator[None]:
    """Inside, a collective raises before it communicates, and where that is caught, at the end.

    Raises:
        UsageError: There was one, of several processes.
    """
    if count() == 1:
        yield
        return
    modes = _python_dispatch._get_current_dispatch_mode_stack()  # pyright: ignore[reportPrivateUsage]
    active = next((mode for mode in modes if isinstance(mode, _Silent)), None)
    with nullcontext(active) if active is not None else _Silent() as silent:
        earlier, silent.error = silent.error, None
        collecting = set(_collecting())
        try:
            yield
        except Exception as error:
            if silent.error is not None and silent.error is not error:
                raise silent.error from error
            raise
        finally:
            for group in set(_collecting()) - collecting:
                # A group that stays here keeps what the training sends, and sends nothing.
                del _collecting()[group]
            found, silent.error = silent.error, earlier
        if found is not None:
            raise found


def _collecting() -> dict[Any, Any]:
    """The groups that wait for several operations, to begin them at once."""
    world: Any = getattr(sys.modules.get("torch.distributed.distributed_c10d"), "_world", None)
    return getattr(world, "pg_coalesce_state", {})


class _Silent(_python_dispatch.TorchDispatchMode):
    """Refuses every operation by which processes communicate, in this thread alone.

    Attributes:
        error: The last refusal.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self.error: UsageError | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        space = str(getattr(func, "namespace", ""))
        if any(word in space for word in _TALKING):
            self.error = UsageError(
                f"the loss or the model runs the collective {func._opname!r} over {count()} "
                "processes",
                "a measurement runs in one process, while the others train",
                "give Scope a loss of this process's own batch, or measure the training in one "
                "process",
            )
            raise self.error
        if space == "profiler" and _DDP_FORWARD in args:
            self.error = UsageError(
                "the loss or the model calls DistributedDataParallel",
                "its pass prepares the averaging of the training's own gradients",
                "call its .module, or in loss_fn(model, batch) the model that is given",
            )
            raise self.error
        return func(*args, **(kwargs or {}))


def _named(name: str, module: nn.Module) -> str:
    return f"the module {name!r}" if name else f"a model of type {type(module).__name__}"


def _engine_of(found: object) -> str:
    """The package to whose engine an object belongs, by its class or one that this inherits."""
    for cls in type(found).__mro__:
        place = str(cls.__module__)
        for package, names in _ENGINES.items():
            within = place == package or place.startswith(f"{package}.")
            if within and (not names or any(name in cls.__name__ for name in names)):
                return package
        if place.startswith("megatron.") and count() > 1:
            return "megatron"  # in one process its layers are like any other
    return ""


def _replicated(module: nn.Module) -> str:
    """What torch's composable ``replicate`` is called; its hooks prepare the averaging."""
    contract: Any = sys.modules.get("torch.distributed._composable.contract")
    registry = vars(module).get(contract.REGISTRY_KEY) if contract is not None else None
    return "replicate() of torch.distributed" if "replicate" in (registry or ()) else ""


def _part(tensor: Any) -> str:
    """Why a tensor may be a part of what it stands for; empty where it is the whole."""
    for cls in type(tensor).__mro__:
        if str(cls.__module__).startswith("torch.distributed."):
            return f"is a {cls.__name__}"
    for mark, words in _PARTS.items():
        if getattr(tensor, mark, False) is not False:
            return words
    split = count() > 1 and getattr(tensor, "tensor_model_parallel", False) is True
    return "is split by tensor parallelism" if split else ""


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
