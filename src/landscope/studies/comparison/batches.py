"""Batches from the user's function, on the device, with separate random streams."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import current_process
from typing import Any, cast
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscope.errors import UsageError
from landscope.objective.random_state import RandomState, seed_streams
from landscope.studies.training_state import streams_from_state, streams_to_state

_HASHED = 65_536
"""Number of values of an array in its checksum: more would only take time."""
_DEEPEST = 8  # levels of a batch that are searched
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


@dataclass
class _Position:
    """Where an epoch began, and how many of its batches are through."""

    streams: RandomState
    checksum: int
    drawn: int


class UserBatches:
    """The batches of a run, one after the other, over as many epochs as it takes.

    Making them draws from separate random streams, so that a network's own draws, such as dropout,
    never change its batches.

    Args:
        make: ``make_batches(seed)``, called again for each epoch.
        seed: The seed, of the function and of the streams.
        device: Where the batches go.
    """

    def __init__(self, make: Callable[[int], Any], seed: int, device: str) -> None:
        self._make, self._seed, self._device = make, seed, device
        with RandomState.capture().replayed():
            seed_streams(seed)
            self._state = RandomState.capture()
        self._begun = _Position(self._state, checksum=0, drawn=0)
        self._iterator: Iterator[Any] = iter(())
        self._peeked: list[Any] = []
        self._checksum = 0
        self.workers = 0
        """Processes that the user's loader starts, as a ``DataLoader`` says it."""

    @property
    def checksum(self) -> int:
        """Of all batches so far, in 32 bits: equal for equal batches in the same order."""
        return self._checksum

    def peek(self) -> Any:
        """The batch that ``next`` will give, on the device.

        Raises:
            UsageError: There is none.
        """
        if not self._peeked:
            self._peeked.append(self._draw())
        return to_device(self._peeked[0], self._device)

    def next(self) -> Any:
        """The next batch, on the device; raises as ``peek`` does."""
        batch = self._peeked.pop() if self._peeked else self._draw()
        self._begun.drawn += 1
        self._checksum = batch_checksum(batch, self._checksum)
        return to_device(batch, self._device)

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch began, how many of its batches are through, and their checksum."""
        return {
            "streams": streams_to_state(self._begun.streams),
            "checksum before": self._begun.checksum,
            "drawn": self._begun.drawn,
            "checksum": self._checksum,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make the epoch's batches again up to where it was.

        Raises:
            ValueError: The batches differ from those before.
        """
        self._peeked.clear()
        self._iterator = iter(())
        self._state = streams_from_state(state["streams"])
        self._checksum = state["checksum before"]
        self._begun = _Position(self._state, self._checksum, drawn=0)
        for _ in range(state["drawn"]):
            self.next()
        if self._checksum != state["checksum"]:
            raise ValueError("make_batches(seed) gives other batches than before")

    def _draw(self) -> Any:
        with self._state.replayed():
            try:
                batch = next(self._iterator, _END)
                if batch is _END:
                    batch = next(self._epoch(), _END)
            finally:
                self._state = RandomState.capture()
        if batch is _END:
            raise UsageError(
                "make_batches(seed)", "it gives no batch", "give an iterable of at least one"
            )
        return batch

    def _epoch(self) -> Iterator[Any]:
        self._begun = _Position(RandomState.capture(), self._checksum, drawn=0)
        made: Any = self._make(self._seed)
        if not isinstance(made, Iterable):
            raise UsageError(
                f"make_batches(seed) gives a {type(made).__name__}",
                "it gives an iterable of batches",
                "return a DataLoader or a list, or yield batches",
            )
        self.workers = int(getattr(made, "num_workers", 0))
        if self.workers and current_process().daemon:
            raise UsageError(
                "make_batches(seed) starts processes of its own",
                "a run in a worker process cannot start any",
                "give --workers 1, or make the DataLoader with num_workers=0",
            )
        self._iterator = iter(made)
        return self._iterator


_END = object()


def batch_checksum(batch: Any, start: int = 0) -> int:
    """A checksum of a batch: of arrays, type, shape and, of many values, some spread over them.

    Args:
        batch: Any nest of mappings, lists, tuples and objects with attributes.
        start: A checksum to continue.
    """
    checksum = start
    for leaf in _leaves(batch, _DEEPEST):
        if isinstance(leaf, (Tensor, np.ndarray)):
            checksum = crc32(f"{leaf.dtype} {tuple(leaf.shape)}".encode(), checksum)
            checksum = crc32(_some_bytes(leaf), checksum)
        elif isinstance(leaf, _PLAIN):
            checksum = crc32(repr(leaf).encode(), checksum)
        else:
            checksum = crc32(type(leaf).__qualname__.encode(), checksum)
    return checksum


def _leaves(batch: Any, depth: int) -> Iterator[Any]:
    """What a batch holds, from the outside in; names of attributes and keys among it."""
    inner: Any = None
    if isinstance(batch, Mapping):
        inner = [part for item in cast("Mapping[Any, Any]", batch).items() for part in item]
    elif isinstance(batch, (list, tuple)):
        inner = batch
    elif not isinstance(batch, (Tensor, np.ndarray, *_PLAIN)) and hasattr(batch, "__dict__"):
        inner = [part for item in vars(batch).items() for part in item]
    if inner is None or depth == 0:
        yield batch
        return
    for part in inner:
        yield from _leaves(part, depth - 1)


def _some_bytes(values: Tensor | NDArray[Any]) -> bytes:
    if isinstance(values, np.ndarray):
        flat = values.reshape(-1)
        some = flat[:: max(1, flat.size // _HASHED)]
        return repr(some.tolist()).encode() if some.dtype.hasobject else some.tobytes()
    if values.layout != torch.strided:
        whole = values.detach().to_sparse_coo().coalesce()
        return _some_bytes(whole.indices()) + _some_bytes(whole.values())
    flat = values.detach().reshape(-1)
    some = flat[:: max(1, flat.numel() // _HASHED)].cpu().contiguous()
    return some.view(torch.uint8).numpy().tobytes() if some.numel() else b""


def to_device(batch: Any, device: str) -> Any:
    """A batch with its tensors on a device; anything else with a ``to`` is asked for the same."""
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    if isinstance(batch, Tensor) or callable(getattr(batch, "to", None)):
        return batch.to(device)
    return batch
