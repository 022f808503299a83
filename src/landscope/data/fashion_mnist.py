"""The bundled subset of Fashion-MNIST: 6,000 training and 1,000 test images, no network.

Source: Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747, https://github.com/zalandoresearch/fashion-mnist.
How the subset was chosen: see README.md beside the files.
"""

from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from landscope.data.contents import read_idx
from landscope.data.dataset import Dataset

FOLDER = Path(__file__).parent / "fashion_mnist"
TRAIN_SIZE = 6_000
TEST_SIZE = 1_000
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
# Of all pixels of the bundled training images, to four digits; 1 is white.
MEAN = 0.2869
STD = 0.3538
# Of the decompressed files: another zlib compresses to other bytes.
SHA256 = {
    "train-images-idx3-ubyte": "cf313073c7eb485392848071d5c433571d7166043e971e3345b095cc30518084",
    "train-labels-idx1-ubyte": "097b93fbcf9bd5bc648b1a457ddc55c9e4ab49afb33f9ecae8ce068399a75e3a",
    "t10k-images-idx3-ubyte": "7cee33c3c6414b1b86c25e665a6c4f41584269de3b7cc9768b1d351922845eef",
    "t10k-labels-idx1-ubyte": "3128d790775889812b73c4f13923559c8b9e281d112c6ea7862acf60a206a909",
}
_REMEDY = "install landscope again: the file is a part of it"


def load() -> Dataset:
    """Read the bundled subset.

    Returns:
        Images of shape (n, 1, 28, 28) as bytes, and class numbers 0 to 9, on the CPU.

    Raises:
        DataError: A file is missing, empty, cut, damaged, or has another checksum.
    """
    return Dataset(
        name="fashion-mnist",
        train_inputs=_read("train-images-idx3-ubyte", (TRAIN_SIZE, 28, 28))[:, None],
        train_targets=_read("train-labels-idx1-ubyte", (TRAIN_SIZE,)).long(),
        test_inputs=_read("t10k-images-idx3-ubyte", (TEST_SIZE, 28, 28))[:, None],
        test_targets=_read("t10k-labels-idx1-ubyte", (TEST_SIZE,)).long(),
        mean=torch.tensor([MEAN]),
        std=torch.tensor([STD]),
        classes=CLASSES,
    )


def _read(name: str, shape: tuple[int, ...]) -> UInt8[Tensor, "..."]:
    return read_idx(FOLDER / f"{name}.gz", shape=shape, remedy=_REMEDY, sha256=SHA256[name])
