"""The data of the deep linear network: Gaussian inputs, and a random linear map of them.

Source: Santurkar et al. 2018, arXiv 1805.11604: x Gaussian, targets A x with a 10 x 10 matrix A
of independent Gaussian entries, 1000 samples.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from landscope.data.batches import stream
from landscope.data.dataset import Dataset
from landscope.errors import UsageError

SAMPLES = 1000
DIMENSION = 10


def target_matrix(seed: int) -> Float[Tensor, "dimension dimension"]:
    """The matrix A of ``load`` with the same seed: independent entries from N(0, 1), on the CPU.

    Args:
        seed: Seed of the data.

    Raises:
        UsageError: ``seed`` is negative.
    """
    return _normal(DIMENSION, seed, "gaussian matrix")


def load(seed: int, *, samples: int = SAMPLES) -> Dataset:
    """Draw inputs from N(0, I) and map them by A.

    Args:
        seed: Seed of the data.
        samples: Size of the training set, and of the test set.

    Returns:
        A regression set on the CPU, 10 features in and out. The test set, which the paper does
        not have, is a second draw with the same A.

    Raises:
        UsageError: ``seed`` is negative, or ``samples`` is not positive.
    """
    if samples < 1:
        raise UsageError(
            f"samples = {samples}", "samples is a positive number", "give samples of at least 1"
        )
    inputs = _normal(2 * samples, seed, "gaussian inputs")
    # In float64, so that the targets are A x of the rounded A and x, to the last bit or so.
    targets = (inputs.double() @ target_matrix(seed).double().T).float()
    return Dataset(
        name="gaussian",
        train_inputs=inputs[:samples],
        train_targets=targets[:samples],
        test_inputs=inputs[samples:],
        test_targets=targets[samples:],
        mean=torch.zeros(DIMENSION),
        std=torch.ones(DIMENSION),
        classes=(),
    )


def _normal(rows: int, seed: int, purpose: str) -> Float[Tensor, "rows dimension"]:
    draws = stream(seed, purpose)
    return torch.randn(rows, DIMENSION, generator=draws, dtype=torch.float64).float()
