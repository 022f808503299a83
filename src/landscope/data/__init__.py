"""Data sets, whole on a device, and batches as a function of seed and step."""

from landscope.data.batches import Batch, Batches, batch, permutation
from landscope.data.dataset import Dataset
from landscope.data.table import DATASETS, load

__all__ = ["DATASETS", "Batch", "Batches", "Dataset", "batch", "load", "permutation"]
