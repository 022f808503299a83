"""Peak memory of a piece of work, counted by torch's own allocators to the byte.

On the CPU the profiler writes down each block that torch takes and gives back; the largest running
sum is the peak. On a GPU the caching allocator keeps it. Scratch space that a library takes behind
torch's back is in neither.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class Peak:
    """Bytes.

    Args:
        base: What is alive before the work, and during it.
        above: The most that the work itself held at one moment.
    """

    base: int
    above: int

    @property
    def total(self) -> int:
        """The most that was alive at one moment."""
        return self.base + self.above


def peak_memory(work: Callable[[], object], *, held: Iterable[object], device: str) -> Peak:
    """The peak of some work, which has run once before, so that caches are filled.

    Args:
        work: What is measured. It must not give back what was taken before.
        held: Tensors, or lists and dicts of them, that are alive for the work's sake.
        device: Where it runs.
    """
    base = bytes_of(held)
    if device.startswith("cuda"):
        return Peak(base, _above_on_cuda(work))
    return Peak(base, _above_on_cpu(work))


def bytes_of(trees: Iterable[object]) -> int:
    """Bytes of the memory behind some tensors, each block once."""
    blocks = {}
    for leaf in tree_leaves(list(trees)):
        if isinstance(leaf, Tensor):
            storage = leaf.untyped_storage()
            blocks[storage.data_ptr()] = storage.nbytes()
    return sum(blocks.values())


def _above_on_cuda(work: Callable[[], object]) -> int:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    start = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - start


def _above_on_cpu(work: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        work()
    events = seen.profiler.kineto_results.events()
    blocks = [event for event in events if event.name() == "[memory]"]
    now = most = 0
    for block in sorted(blocks, key=lambda event: event.start_ns()):
        now += block.nbytes()
        most = max(most, now)
    return most
