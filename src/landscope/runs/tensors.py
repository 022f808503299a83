"""Tensors as bytes in the format of safetensors: arrays by name, and nothing that could run."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from landscope.errors import RecordError

Arrays = dict[str, NDArray[np.generic]]


def pack_tensors(arrays: Arrays) -> bytes:
    """The bytes of a safetensors file."""
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def parse_tensors(path: Path, content: bytes) -> Arrays:
    """The arrays in the bytes of a file, copied out of them.

    Args:
        path: Where they are from, for the error.
        content: The bytes.

    Raises:
        RecordError: They are damaged.
    """
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise RecordError(
            str(path), f"the tensors cannot be read ({error})", "run it again in a new folder"
        ) from error
