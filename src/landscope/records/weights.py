"""The final weights of a run, as safetensors: tensors and nothing that could run."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from landscope.errors import RecordError
from landscope.records.disk import check_inside, whole_file

Arrays = dict[str, NDArray[np.generic]]


def write_weights(path: Path, arrays: Arrays) -> None:
    """Replaces the weights at ``path``, wholly or not at all.

    Raises:
        StorageError: The folder cannot be written.
    """
    with whole_file(path) as temporary:
        # Its own writer hides a full disk behind an error of another kind.
        temporary.write_bytes(save({n: np.asarray(a, order="C") for n, a in arrays.items()}))


def read_weights(path: Path) -> Arrays:
    """The weights at ``path``, by the names of the model's state.

    Raises:
        RecordError: They are missing or damaged.
    """
    check_inside(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RecordError(
            str(path), f"the weights cannot be read ({error})", "run it again in a new folder"
        ) from error
