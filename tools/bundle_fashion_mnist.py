"""Make the bundled subset of Fashion-MNIST from a folder with the complete data set.

    python tools/bundle_fashion_mnist.py FOLDER [--to DIRECTORY]

FOLDER holds the four files of https://github.com/zalandoresearch/fashion-mnist, gzip or plain.
The first 600 training and the first 100 test images of each class are kept, in their original
order. The same zlib gives the same bytes; another zlib gives other gzip files with the same
contents. The checksums are written to standard output, for README.md and fashion_mnist.py.
"""

import argparse
import gzip
import hashlib
import sys
from pathlib import Path

import torch
from torch import Tensor

from landscope.data.contents import idx_header, read_idx

CLASSES = 10
BUNDLE = Path(__file__).parent.parent / "src" / "landscope" / "data" / "fashion_mnist"
REMEDY = "download the complete set from https://github.com/zalandoresearch/fashion-mnist"


def first_of_each_class(labels: Tensor, count: int) -> Tensor:
    """Indices, ascending, of the first ``count`` labels of each class."""
    members = [torch.nonzero(labels == label).flatten()[:count] for label in range(CLASSES)]
    return torch.cat(members).sort().values


def write_idx(values: Tensor, path: Path) -> None:
    """Write ``values`` as a gzip IDX file that has no name, no date and no system in its header."""
    contents = idx_header(tuple(values.shape)) + values.numpy().tobytes()
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(contents)
    for name, found in ((path.name, path.read_bytes()), ("  contents", contents)):
        sys.stdout.write(f"{hashlib.sha256(found).hexdigest()}  {name}\n")


def bundle(folder: Path, destination: Path, part: str, size: int, per_class: int) -> None:
    """Keep ``per_class`` images of each class of one part, ``train`` or ``t10k``."""
    names = (f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz")
    images = read_idx(folder / names[0], shape=(size, 28, 28), remedy=REMEDY)
    labels = read_idx(folder / names[1], shape=(size,), remedy=REMEDY)
    kept = first_of_each_class(labels, per_class)
    write_idx(images[kept], destination / names[0])
    write_idx(labels[kept], destination / names[1])


def main() -> None:
    """Read the arguments and write the four files."""
    parser = argparse.ArgumentParser(description="Make the bundled subset of Fashion-MNIST.")
    parser.add_argument("folder", type=Path, help="folder with the complete data set")
    parser.add_argument("--to", type=Path, default=BUNDLE, help="where the subset goes")
    arguments = parser.parse_args()
    bundle(arguments.folder, arguments.to, "train", size=60_000, per_class=600)
    bundle(arguments.folder, arguments.to, "t10k", size=10_000, per_class=100)


if __name__ == "__main__":
    main()
