from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import pytest
import torch
from tests.tolerances import FLOAT32

from landscope.data import Dataset, load


@pytest.fixture
def images() -> Dataset:
    """Two channels, each with all 256 levels."""
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 2, 16, 16)
    return Dataset(
        name="levels",
        train_inputs=levels,
        train_targets=torch.zeros(1, dtype=torch.int64),
        test_inputs=levels,
        test_targets=torch.zeros(1, dtype=torch.int64),
        mean=torch.tensor([0.25, 0.5]),
        std=torch.tensor([0.5, 0.125]),
        classes=("only",),
    )


def test_images_are_normalised_by_channel(images: Dataset) -> None:
    made = images.inputs(images.train_inputs)
    assert made.dtype == torch.float32
    assert made.shape == (1, 2, 16, 16)
    scales = ((Fraction(1, 4), Fraction(1, 2)), (Fraction(1, 2), Fraction(1, 8)))
    expected = [
        [float((Fraction(level, 255) - mean) / std) for level in range(256)] for mean, std in scales
    ]
    FLOAT32.check(made.reshape(2, 256).numpy(), expected)


def test_normalised_training_images_have_mean_zero_and_variance_one() -> None:
    data = load("fashion-mnist")
    made = data.inputs(data.train_inputs).double()
    assert made.mean().item() == pytest.approx(0, abs=5e-4)
    assert made.std().item() == pytest.approx(1, abs=5e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_vectors_stay_as_they_are(dtype: torch.dtype) -> None:
    data = load("gaussian")
    raw = data.train_inputs.to(dtype)
    assert data.inputs(raw) is raw


def test_to_moves_every_tensor(images: Dataset) -> None:
    # The meta device is always there, and refuses to work with tensors of another device.
    moved = images.to("meta")
    assert moved.device == torch.device("meta")
    assert moved.inputs(moved.test_inputs).device == torch.device("meta")
    assert moved.train_targets.device == moved.test_targets.device == torch.device("meta")
    assert moved.classes == images.classes
    assert images.device == torch.device("cpu")


def test_is_frozen(images: Dataset) -> None:
    with pytest.raises(FrozenInstanceError):
        images.name = "other"  # pyright: ignore[reportAttributeAccessIssue]
    assert replace(images, name="other").name == "other"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_bits(images: Dataset) -> None:
    moved = images.to("cuda")
    made = moved.inputs(moved.train_inputs).cpu()
    assert torch.equal(made, images.inputs(images.train_inputs))
