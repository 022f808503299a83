"""Data sets, whole on a device, and batches as a function of seed and step; by name."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from landscope.data import cifar10, fashion_mnist, gaussian
from landscope.data.batches import Batch, Batches, permutation
from landscope.data.dataset import Dataset
from landscope.errors import UsageError

__all__ = ["DATASETS", "Batch", "Batches", "Dataset", "load", "permutation"]

DATASETS: Mapping[str, Callable[[Path | None, int], Dataset]] = {
    "fashion-mnist": lambda _data_dir, _seed: fashion_mnist.load(),
    "cifar-10": lambda data_dir, _seed: cifar10.load(data_dir),
    "gaussian": lambda _data_dir, seed: gaussian.load(seed),
}


def load(name: str, *, data_dir: Path | None = None, seed: int = 0) -> Dataset:
    """Load a data set by its name.

    Args:
        name: ``"fashion-mnist"`` (bundled), ``"cifar-10"`` (from ``data_dir``, or fetched) or
            ``"gaussian"`` (drawn from ``seed``).
        data_dir: Folder with the data, for a set that is neither bundled nor drawn; the others
            do not look at it.
        seed: Seed of the data, for a set that is drawn; the others do not depend on it.

    Returns:
        The data set, on the CPU.

    Raises:
        UsageError: There is no data set of this name.
        DataError: A file is missing, damaged, or could not be fetched.
        StorageError: A download cannot be stored.
    """
    if name not in DATASETS:
        close = get_close_matches(name, DATASETS, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else "choose one of them"
        raise UsageError(f"data = {name!r}", f"a data set is one of {', '.join(DATASETS)}", remedy)
    return DATASETS[name](data_dir, seed)
