"""Batches and the random streams of the data, as functions of the seed: nothing to rewind.

Epoch e visits the training set in the order of a permutation that is drawn from (seed, e) alone.
Each epoch drops the samples that do not fill a last batch, so all batches have the same size.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from landscope.data.dataset import Dataset
from landscope.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The samples of one step, on the data set's device.

    Args:
        inputs: Ready for a network, as ``Dataset.inputs`` makes them.
        targets: Class numbers, or vectors for regression.
        epoch: Passes over the training set before this one.
        index: Position of the batch in its epoch, from 0.
    """

    inputs: Float[Tensor, "batch ..."]
    targets: Int64[Tensor, " batch"] | Float[Tensor, "batch outputs"]
    epoch: int
    index: int


def stream(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A generator on the CPU that depends on its arguments only, never on the global stream.

    Streams of different purposes are unrelated, so that data drawn from a seed does not repeat
    the numbers that made the initial weights from the same seed.

    Args:
        seed: The run's seed.
        purpose: What the numbers are for.
        index: Which of several streams for this purpose.

    Returns:
        A new generator. On the CPU, so that every device gets the same numbers.

    Raises:
        UsageError: ``seed`` is negative.
    """
    if seed < 0:
        raise UsageError(
            f"seed = {seed}", "a seed is a whole number from 0", "give a seed of at least 0"
        )
    key = np.random.SeedSequence(seed, spawn_key=(*purpose.encode(), index))
    # torch's CPU generator takes the lower 32 bits of a seed.
    return torch.Generator().manual_seed(int(key.generate_state(1)[0]))


def permutation(samples: int, *, seed: int, epoch: int) -> Int64[Tensor, " samples"]:
    """The order in which an epoch visits the samples, the same on every device.

    Args:
        samples: Size of the training set.
        seed: Seed of the run.
        epoch: Which pass over the training set, from 0.

    Returns:
        The numbers 0 to ``samples - 1`` in random order, on the CPU.

    Raises:
        UsageError: ``seed`` is negative.
    """
    return torch.randperm(samples, generator=stream(seed, "order of an epoch", epoch))


class Batches:
    """The batches of a training, by step, in any order of asking.

    Keeps the order of the epoch that was asked for last. It is looked up by epoch, so it saves
    time and never changes a batch. On CUDA a call does not wait for the device.

    Args:
        dataset: The data; batches are made on its device.
        seed: Seed of the order.
        batch_size: Samples in each batch; None gives the whole training set, in order, each step.

    Raises:
        UsageError: ``batch_size`` is not positive or exceeds the training set, or ``seed`` is
            negative.
    """

    def __init__(self, dataset: Dataset, seed: int, batch_size: int | None) -> None:
        samples = len(dataset.train_inputs)
        if batch_size is not None and not 1 <= batch_size <= samples:
            raise UsageError(
                f"batch_size = {batch_size}",
                f"a batch has between 1 and {samples} samples, all of {dataset.name}",
                "give a batch size in that range, or None for the whole set",
            )
        self._dataset = dataset
        self._seed = seed
        self._batch_size = batch_size
        self._samples = samples
        self._epoch = 0
        self._order = self._draw(0)

    @property
    def per_epoch(self) -> int:
        """Batches, and so steps, in one pass over the training set."""
        return 1 if self._batch_size is None else self._samples // self._batch_size

    def __call__(self, step: int) -> Batch:
        """The batch of a step, numbered from 0.

        Raises:
            UsageError: ``step`` is negative.
        """
        if step < 0:
            raise UsageError(f"step = {step}", "steps are numbered from 0", "give a step from 0")
        epoch, index = divmod(step, self.per_epoch)
        data = self._dataset
        if self._batch_size is None:
            return Batch(data.inputs(data.train_inputs), data.train_targets, epoch, index)
        start = index * self._batch_size
        chosen = self._order_of(epoch)[start : start + self._batch_size]
        inputs = data.inputs(data.train_inputs.index_select(0, chosen))
        return Batch(inputs, data.train_targets.index_select(0, chosen), epoch, index)

    def _order_of(self, epoch: int) -> Int64[Tensor, " samples"]:
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._draw(epoch)
        return self._order

    def _draw(self, epoch: int) -> Int64[Tensor, " samples"]:
        order = permutation(self._samples, seed=self._seed, epoch=epoch)
        device = self._dataset.device
        if device.type != "cuda":
            return order.to(device)
        # A copy from pinned memory is queued; one from ordinary memory waits for the device.
        return order.pin_memory().to(device, non_blocking=True)
