"""A data set: everything in memory, on one device, in the smallest form that loses nothing."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Inputs and targets of a training and a test set, all on one device.

    Images stay unsigned bytes until ``inputs`` makes a network's input of them, so that the whole
    set fits on the device four times over.

    Args:
        name: Name in the table of data sets.
        train_inputs: Images as bytes, or vectors of real numbers.
        train_targets: Class numbers, or vectors of real numbers for regression.
        test_inputs: As ``train_inputs``.
        test_targets: As ``train_targets``.
        mean: Mean of each channel of the training images, where 1 is the brightest level; 0 for
            vectors.
        std: Standard deviation of each channel, in the same unit; 1 for vectors.
        classes: Names of the classes by number; empty for regression.
    """

    name: str
    train_inputs: UInt8[Tensor, "train channels height width"] | Float[Tensor, "train features"]
    train_targets: Int64[Tensor, " train"] | Float[Tensor, "train outputs"]
    test_inputs: UInt8[Tensor, "test channels height width"] | Float[Tensor, "test features"]
    test_targets: Int64[Tensor, " test"] | Float[Tensor, "test outputs"]
    mean: Float32[Tensor, " channels"]
    std: Float32[Tensor, " channels"]
    classes: tuple[str, ...]

    @property
    def device(self) -> torch.device:
        """Where all tensors of the set are."""
        return self.train_inputs.device

    def to(self, device: torch.device | str) -> "Dataset":
        """The same set with all tensors on ``device``."""
        return replace(
            self,
            train_inputs=self.train_inputs.to(device),
            train_targets=self.train_targets.to(device),
            test_inputs=self.test_inputs.to(device),
            test_targets=self.test_targets.to(device),
            mean=self.mean.to(device),
            std=self.std.to(device),
        )

    def inputs(
        self, raw: UInt8[Tensor, "n channels height width"] | Float[Tensor, "n features"]
    ) -> Float[Tensor, "n ..."]:
        """Make a network's inputs of some of the set's images or vectors.

        Args:
            raw: Images as bytes, shape (n, channels, height, width), or vectors, shape
                (n, features), on the set's device.

        Returns:
            Images as float32, ``(raw / 255 - mean) / std`` for each channel; vectors as they are.
        """
        if raw.is_floating_point():
            return raw
        # Divide by a tensor: some devices turn a division by a number into a multiplication by
        # its rounded inverse, and then they would disagree in the last bit.
        levels = torch.full_like(self.mean, 255.0)
        return (raw / _per_channel(levels) - _per_channel(self.mean)) / _per_channel(self.std)


def _per_channel(values: Float32[Tensor, " channels"]) -> Float32[Tensor, "channels 1 1"]:
    return values[:, None, None]
