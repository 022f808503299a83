"""Where a run takes place, apart from what it is: the device, the threads, and what they are."""

import os
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from landscope import __version__
from landscope.errors import UsageError
from landscope.objective.random_state import RandomState


@dataclass(frozen=True)
class Machine:
    """Where a run takes place, apart from what it is.

    Args:
        device: Device of the model and the data, as torch names it.
        threads: Threads of torch on the CPU.
    """

    device: str
    threads: int

    @property
    def identity(self) -> dict[str, Any]:
        """What the last bits of a run depend on apart from what it is, as it is in the block."""
        device = torch.device(self.device)
        return {
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
            "landscope": __version__,
        }

    @contextmanager
    def prepared(self) -> Generator["Machine"]:
        """Within the block, torch computes as this machine does; then as it did before.

        Threads, random streams and the precision of a GPU belong to the process: a caller that
        goes on afterwards, with a training of its own, finds them as they were.

        Raises:
            UsageError: The device is not there.
        """
        check_device(self.device)
        threads = torch.get_num_threads()
        device = torch.device(self.device)
        with (
            RandomState.capture([device]).replayed(),
            _all_digits() if device.type == "cuda" else nullcontext(),
        ):
            torch.set_num_threads(self.threads)
            try:
                yield self
            finally:
                torch.set_num_threads(threads)


@contextmanager
def _all_digits() -> Generator[None]:
    """A landscape is a difference of nearby gradients: on a GPU, float32's digits are all used."""
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
    finally:
        matmul.allow_tf32 = before


@dataclass(frozen=True)
class Place:
    """Where the runs of a study take place.

    Args:
        device: As torch names it.
        workers: Runs side by side.
        threads: Of each run.
    """

    device: str
    workers: int
    threads: int

    @property
    def whole(self) -> Machine:
        """With the threads of all workers together."""
        return Machine(self.device, self.threads * self.workers)

    def with_one_worker(self) -> "Place":
        """The same with all threads for one run at a time."""
        return Place(self.device, 1, self.threads * self.workers)


def find_place(device: str | None, workers: int | None) -> Place:
    """Where the runs of a study take place.

    Args:
        device: As torch names it; None for the first GPU, else the CPU.
        workers: Runs side by side; None for one a CPU core, or one on a GPU.

    Raises:
        UsageError: The device is not there.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    workers = workers or (cores if device == "cpu" else 1)
    # Fewer than the cores where OMP_NUM_THREADS or the caller said so.
    return Place(device, workers, max(1, min(cores, torch.get_num_threads()) // workers))


def check_device(name: str) -> None:
    """Refuse a device that torch does not know or that is not there.

    Raises:
        UsageError: With the devices that are there.
    """
    there = ["cpu"]
    there += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    there += ["mps"] if torch.backends.mps.is_available() else []
    try:
        # "cuda" stands for the first GPU, "cpu:0" for the CPU.
        known = str(torch.device(name)) in {*there, "cuda" if "cuda:0" in there else "cpu", "cpu:0"}
    except RuntimeError:
        known = False
    if not known:
        raise UsageError(
            f"device = {name!r}",
            "a run takes place on a device that is there",
            f"choose among {', '.join(there)}",
        )
