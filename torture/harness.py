"""``python -m torture.harness READER FOLDER SECONDS``: fuzz one reader in a process of its own.

READER is ``module:function``. FOLDER holds ``corpus/``, and gets ``findings/``. libFuzzer ends the
process, at the first finding or after so many seconds, so the row that starts it reads its output.
"""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

import atheris

MEGABYTES = 1024  # of memory, beyond which an input is a finding
INPUT_SECONDS = 10  # the most for one input
INPUT_BYTES = 2**14
_IN_MEMORY = Path("/dev/shm")


def main() -> None:
    """Fuzz until there is a finding or the time is over."""
    reader, given, seconds = sys.argv[1:]
    folder = Path(given)
    module, _, function = reader.partition(":")
    with atheris.instrument_imports(include=["landscope.runs", "torture.readers", "json"]):
        property_of = getattr(import_module(module), function)
    place = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="torture-", dir=place) as scratch:
        path = Path(scratch) / "record"
        atheris.Setup(
            [
                "torture.harness",
                str(folder / "corpus"),
                f"-artifact_prefix={folder / 'findings'}/",
                f"-max_total_time={seconds}",
                f"-max_len={INPUT_BYTES}",
                f"-rss_limit_mb={MEGABYTES}",
                f"-timeout={INPUT_SECONDS}",
                f"-dict={folder / 'words'}",
                "-print_final_stats=1",
                "-seed=1",
            ],
            lambda data: property_of(path, data),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
