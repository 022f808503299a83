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


def target_matrix(
    seed: int, *, dimension: int = DIMENSION, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "dimension dimension"]:
    """The matrix A of ``load`` with the same seed: independent entries from N(0, 1).

    Args:
        seed: Seed of the data.
        dimension: Rows and columns of A.
        dtype: Type of the result; drawn in float64 and rounded, so that types agree.

    Returns:
        A, on the CPU.

    Raises:
        UsageError: ``seed`` is negative or ``dimension`` is not positive.
    """
    _check_positive("dimension", dimension)
    draws = stream(seed, "gaussian matrix")
    return torch.randn(dimension, dimension, generator=draws, dtype=torch.float64).to(dtype)


def load(
    seed: int,
    *,
    samples: int = SAMPLES,
    dimension: int = DIMENSION,
    matrix: Float[Tensor, "dimension dimension"] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Dataset:
    """Draw inputs from N(0, I) and map them by A.

    Args:
        seed: Seed of the data; the same seed gives the same data in every type, up to rounding.
        samples: Size of the training set, and of the test set.
        dimension: Number of features of inputs and targets.
        matrix: A, of shape (dimension, dimension); None takes ``target_matrix(seed)``.
        dtype: Type of inputs and targets.

    Returns:
        A regression set on the CPU. The test set, which the paper does not have, is a second
        draw with the same A.

    Raises:
        UsageError: ``seed`` is negative, ``samples`` or ``dimension`` is not positive, or
            ``matrix`` has another shape.
    """
    _check_positive("samples", samples)
    _check_positive("dimension", dimension)
    if matrix is None:
        matrix = target_matrix(seed, dimension=dimension, dtype=dtype)
    if matrix.shape != (dimension, dimension):
        raise UsageError(
            f"matrix has shape {tuple(matrix.shape)}",
            f"A maps {dimension} features to as many",
            f"give a matrix of shape {(dimension, dimension)}, or set dimension",
        )
    draws = stream(seed, "gaussian inputs")
    inputs = torch.randn(2 * samples, dimension, generator=draws, dtype=torch.float64).to(dtype)
    # In float64, so that the targets are A x of the rounded A and x, to the last bit or so.
    targets = (inputs.double() @ matrix.double().T).to(dtype)
    return Dataset(
        name="gaussian",
        train_inputs=inputs[:samples],
        train_targets=targets[:samples],
        test_inputs=inputs[samples:],
        test_targets=targets[samples:],
        mean=torch.zeros(dimension),
        std=torch.ones(dimension),
        classes=(),
    )


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise UsageError(
            f"{name} = {value}", f"{name} is a positive number", f"give {name} of at least 1"
        )
