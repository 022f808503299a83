"""The file from which a comparison of one's own begins."""

import shlex
from importlib import resources
from pathlib import Path

from landscope.errors import StorageError, UsageError


def write_starter(file: Path) -> str:
    """Write the commented file, and give the command that runs it as it is.

    Raises:
        UsageError: Something of that name is there, or the name does not end in ``.py``.
        StorageError: It cannot be written.
    """
    if file.suffix != ".py" or not file.stem:
        raise UsageError(
            str(file), "Python loads a file that ends in .py", f"give {file.stem or 'mine'}.py"
        )
    text = resources.files(__name__.rpartition(".")[0]).joinpath("starter.txt").read_text("utf-8")
    try:
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text.replace("THIS_FILE", shlex.quote(str(file))))
    except FileExistsError as error:
        raise UsageError(
            str(file), "it is there already and is never overwritten", "give another name"
        ) from error
    except OSError as error:
        raise StorageError(
            str(file), f"it cannot be written ({error.strerror})", "choose a folder that is there"
        ) from error
    return f"landscope compare {shlex.quote(str(file))} --norms as-is none group --steps 100"
