"""The random streams that a forward pass may draw from, captured and replayed."""

import random
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class TorchStreams:
    """A moment of torch's streams, of the CPU and of the accelerators in use.

    Args:
        cpu: State of the CPU's default generator.
        devices: State of each accelerator's.
    """

    cpu: Tensor
    devices: dict[torch.device, Tensor]

    @classmethod
    def capture(cls, devices: Iterable[torch.device] = ()) -> "TorchStreams":
        """The streams as they are now; of accelerators, those of ``devices``."""
        return cls(
            cpu=torch.get_rng_state(),
            devices={
                device: torch.get_device_module(device).get_rng_state(device)
                for device in devices
                if device.type in ("cuda", "mps", "xpu")
            },
        )

    def restore(self) -> None:
        """Put the streams back to this moment."""
        torch.set_rng_state(self.cpu)
        for device, state in self.devices.items():
            torch.get_device_module(device).set_rng_state(state, device)

    @contextmanager
    def kept(self) -> Generator[None]:
        """Inside, anything may be drawn; outside, nothing has been."""
        outside = TorchStreams.capture(self.devices)
        try:
            yield
        finally:
            outside.restore()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TorchStreams)
            and _bytes(self.cpu) == _bytes(other.cpu)
            and all(_bytes(other.devices[d]) == _bytes(s) for d, s in self.devices.items())
        )

    __hash__ = None  # type: ignore[assignment]


def _bytes(state: Tensor) -> bytes:
    # States lie on the host whatever the device; this is asked for at each operation.
    return state.numpy().tobytes()


@dataclass(frozen=True, eq=False)
class RandomState:
    """A moment of the streams of Python, NumPy and torch.

    Replaying it gives a pass the very dropout masks and noise that the training step drew, and
    afterwards every stream stands where it stood.
    """

    python: Any
    numpy: Any
    streams: TorchStreams

    @classmethod
    def capture(cls, devices: Iterable[torch.device] = ()) -> "RandomState":
        """The streams as they are now; of accelerators, those of ``devices``."""
        return cls(
            python=random.getstate(),
            numpy=np.random.get_state(),
            streams=TorchStreams.capture(devices),
        )

    @contextmanager
    def replayed(self) -> Generator[None]:
        """Inside, the streams run from this moment; outside, nothing has been drawn."""
        outside = RandomState.capture(self.streams.devices)
        self._restore(outside)
        try:
            yield
        finally:
            outside._restore(RandomState.capture(self.streams.devices))

    def restore(self) -> None:
        """Put the streams back to this moment, for good."""
        self._restore(RandomState.capture(self.streams.devices))

    def _restore(self, now: "RandomState") -> None:
        # To set a state takes ten times what it takes to see that it stands already.
        if now.python != self.python:
            random.setstate(self.python)
        if _is_other(now.numpy, self.numpy):
            np.random.set_state(self.numpy)
        if now.streams != self.streams:
            self.streams.restore()


def _is_other(first: Any, second: Any) -> bool:
    return first[0] != second[0] or first[2:] != second[2:] or bool((first[1] != second[1]).any())


def seed_streams(seed: int) -> None:
    """Set the streams of Python, NumPy and torch to the beginning that a seed stands for."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # NumPy's takes no larger one
    torch.manual_seed(seed)


def devices_of(model: nn.Module) -> set[torch.device]:
    """The devices that hold the model's parameters and buffers."""
    return {tensor.device for tensor in (*model.parameters(), *model.buffers())}
